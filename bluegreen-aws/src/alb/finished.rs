//! Work that is not left half done by whoever drops it.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that goes on by itself when it is dropped after it was begun: a change of several rules is sent to all
/// of them or to none. Outside of a tokio runtime it ends like any other.
pub(super) struct Finished<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    is_begun: bool,
}

impl<T: Send + 'static> Finished<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            work: Some(Box::pin(work)),
            is_begun: false,
        }
    }
}

impl<T: Send + 'static> Future for Finished<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.is_begun = true;
        let polled = self.work.as_mut().map(|work| work.as_mut().poll(context));
        match polled {
            Some(Poll::Ready(value)) => {
                self.work = None;
                Poll::Ready(value)
            }
            // Nobody polls what has ended.
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }
}

impl<T: Send + 'static> Drop for Finished<T> {
    fn drop(&mut self) {
        let work = self.work.take().filter(|_| self.is_begun);
        if let (Some(work), Ok(runtime)) = (work, Handle::try_current()) {
            drop(runtime.spawn(work));
        }
    }
}
