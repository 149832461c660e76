//! A notifier that keeps what it is given.

use async_trait::async_trait;
use bluegreen_core::{Fault, Notice, NoticeKind, Notifier, Op};

use super::call_log::CallLog;
use super::script::calls;
use super::scripted::{Scripted, scripted};

calls! {
    /// The operations of [`Notifier`].
    NotifierCall {
        /// [`Notifier::notify`].
        Notify = "notify",
    }
}

/// Keeps every notice that it is sent, repetitions too.
#[derive(Debug, Clone)]
pub struct FakeNotifier {
    fake: Scripted<NotifierCall, Vec<Notice>>,
}

scripted!(FakeNotifier, NotifierCall);

impl FakeNotifier {
    /// A notifier that was sent nothing.
    pub fn new(name: impl Into<String>, log: &CallLog) -> Self {
        Self {
            fake: Scripted::new("notifier", name, log, Vec::new()),
        }
    }

    /// The notices that arrived, oldest first.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.fake.with(|notices, _| notices.clone())
    }

    /// What the notices that arrived were about, oldest first.
    #[must_use]
    pub fn kinds(&self) -> Vec<NoticeKind> {
        self.fake
            .with(|notices, _| notices.iter().map(|notice| notice.kind).collect())
    }
}

#[async_trait]
impl Notifier for FakeNotifier {
    async fn notify(&self, op: &Op, notice: &Notice) -> Result<(), Fault> {
        let arguments = format!("{:?}", notice.kind);
        let notice = notice.clone();
        self.fake
            .call(NotifierCall::Notify, op, arguments, move |notices, _| {
                notices.push(notice);
                Ok(())
            })
            .await
    }
}
