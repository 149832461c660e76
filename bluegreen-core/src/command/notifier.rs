//! A notifier that runs a command.

use async_trait::async_trait;

use super::fault::{Effect, PROVIDER};
use super::process::Limits;
use super::{CommandContext, CommandSpec};
use crate::{Fault, Notice, Notifier, Op};

/// The variable that holds the whole notice.
const VARIABLE: &str = "BLUEGREEN_NOTICE";

/// Tells people by a command: `mail`, a chat's own client, a script.
///
/// The whole notice is in the environment as `BLUEGREEN_NOTICE`, as JSON. Beside the placeholders of
/// an assignment there are `{notice}` (the same JSON), `{kind}` (such as `rolling_back`) and `{message}`.
#[derive(Debug, Clone)]
pub struct CommandNotifier {
    spec: CommandSpec,
    context: CommandContext,
}

impl CommandNotifier {
    /// A notifier that runs this command.
    #[must_use]
    pub const fn new(spec: CommandSpec, context: CommandContext) -> Self {
        Self { spec, context }
    }
}

#[async_trait]
impl Notifier for CommandNotifier {
    async fn notify(&self, op: &Op, notice: &Notice) -> Result<(), Fault> {
        let unwritable = |error: serde_json::Error| {
            Fault::rejected(PROVIDER, "notify", "the notice cannot be written as JSON").caused_by(error)
        };
        let json = serde_json::to_string(notice).map_err(unwritable)?;
        let kind = serde_json::to_value(notice.kind).map_err(unwritable)?;
        let values = self
            .context
            .of_slot(notice.target)
            .release(&notice.release)
            .deployment(notice.deployment)
            .with("kind", kind.as_str().unwrap_or_default())
            .with("message", notice.message.as_str())
            .with("notice", json.as_str());
        let invocation = values
            .expand(&self.spec, &self.context.secrets)?
            .with_env(VARIABLE, json);
        self.context
            .run("notify", &invocation, &Limits::within(op.budget), Effect::Changes)
            .await
            .map(drop)
    }
}
