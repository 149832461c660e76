//! What is run on a machine: never a text that values were pasted into.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bluegreen_core::command::{CommandSpec, Secrets, Values};
use bluegreen_core::plan::HeaderValue;

/// A command for the machines of a slot.
///
/// [`run`](Self::run) takes a program and its arguments, as everywhere else, and sends them as a script of one line in
/// which each of them is one quoted word. [`document`](Self::document) runs a document of the account with parameters,
/// which is better where people shall not be able to run just anything: give each parameter an `allowedPattern`.
///
/// Both may hold the placeholders of [`Values`]: `{service}`, `{slot}`, `{other}`, `{version}`, `{artifact}`,
/// `{deployment}`. Secrets are refused, because commands and their parameters are kept in the history of the account:
/// let the command read them on the machine.
///
/// ```
/// use bluegreen_aws::ssm::RemoteCommand;
/// use bluegreen_core::command::CommandSpec;
///
/// let migrate = RemoteCommand::run(CommandSpec::new(["php", "artisan", "migrate", "--force"]).dir("/srv/api"));
/// let restart = RemoteCommand::document("fixit-workers").parameter("state", "started").on_all();
/// # drop((migrate, restart));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteCommand {
    what: What,
    on_all: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Run(CommandSpec),
    Document {
        name: String,
        parameters: BTreeMap<String, Vec<String>>,
    },
}

/// The document that runs a script; it is the service's own.
const SHELL: &str = "AWS-RunShellScript";

/// A command with everything filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) document: String,
    pub(super) parameters: HashMap<String, Vec<String>>,
}

impl RemoteCommand {
    /// A program with its arguments, on one machine of the slot.
    #[must_use]
    pub const fn run(spec: CommandSpec) -> Self {
        Self {
            what: What::Run(spec),
            on_all: false,
        }
    }

    /// A document of the account, on one machine of the slot. It has to end itself in time.
    pub fn document(name: impl Into<String>) -> Self {
        Self {
            what: What::Document {
                name: name.into(),
                parameters: BTreeMap::new(),
            },
            on_all: false,
        }
    }

    /// With one more value of a parameter of a document; a program has none, and leaves it out.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        if let What::Document { parameters, .. } = &mut self.what {
            parameters.entry(name.into()).or_default().push(value.into());
        }
        self
    }

    /// On all machines of the slot, of which there may be 50 at most.
    #[must_use]
    pub const fn on_all(mut self) -> Self {
        self.on_all = true;
        self
    }

    pub(super) const fn is_on_all(&self) -> bool {
        self.on_all
    }

    /// Fills the placeholders in; `longest` is how long it may run.
    pub(super) fn fill(&self, values: &Values, longest: Duration) -> Result<Filled, String> {
        match &self.what {
            What::Run(spec) => script(spec, values, longest),
            What::Document { name, parameters } => {
                let fill = |value: &String| safe(values.fill(value).map_err(|error| error.to_string())?);
                let fill_all = |(name, given): (&String, &Vec<String>)| {
                    let filled = given.iter().map(fill).collect::<Result<_, _>>()?;
                    Ok((name.clone(), filled))
                };
                Ok(Filled {
                    document: name.clone(),
                    parameters: parameters.iter().map(fill_all).collect::<Result<_, String>>()?,
                })
            }
        }
    }
}

fn script(spec: &CommandSpec, values: &Values, longest: Duration) -> Result<Filled, String> {
    let invocation = values
        .expand(spec, &Secrets::new())
        .map_err(|error| error.to_string());
    let mut words = Vec::new();
    for (name, value) in &spec.env {
        let HeaderValue::Text(text) = value else {
            return Err(format!(
                "the variable {name} is a secret, and commands are kept in the history of the account: let the command \
                 read it on the machine"
            ));
        };
        if words.is_empty() {
            words.push("env".to_owned());
        }
        let text = values.fill(text).map_err(|error| error.to_string())?;
        words.push(format!("{name}={text}"));
    }
    let invocation = invocation?;
    words.push(invocation.program().to_owned());
    words.extend(invocation.args().iter().cloned());
    let quoted = words.into_iter().map(|word| Ok(quoted(&safe(word)?)));
    let line = quoted.collect::<Result<Vec<_>, String>>()?.join(" ");
    let longest = spec.timeout.unwrap_or(longest).min(longest);
    let mut parameters = HashMap::from([
        ("commands".to_owned(), vec![line]),
        (
            "executionTimeout".to_owned(),
            vec![longest.as_secs().max(1).to_string()],
        ),
    ]);
    if let Some(dir) = &spec.dir {
        let dir = values.fill(dir).map_err(|error| error.to_string())?;
        parameters.insert("workingDirectory".to_owned(), vec![safe(dir)?]);
    }
    Ok(Filled {
        document: SHELL.to_owned(),
        parameters,
    })
}

/// Two braces are a name in Parameter Store to the service, whose value it fills in.
fn safe(value: String) -> Result<String, String> {
    if value.contains("{{") {
        return Err("a value holds {{, which Systems Manager would fill in".to_owned());
    }
    if value.contains('\0') {
        return Err("a value holds a zero byte".to_owned());
    }
    Ok(value)
}

/// One word of a POSIX shell: nothing in single quotes means anything but a single quote
/// ([Shell Command Language, 2.2.2](https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02)).
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use bluegreen_core::ServiceName;
    use proptest::prelude::*;

    fn values() -> Values {
        Values::new(&ServiceName::new("shop").unwrap())
    }

    fn line(spec: CommandSpec) -> Result<String, String> {
        let filled = RemoteCommand::run(spec).fill(&values(), Duration::from_mins(1))?;
        Ok(filled.parameters["commands"][0].clone())
    }

    #[test]
    fn each_argument_is_one_quoted_word() {
        let spec = CommandSpec::new(["php", "it's", "{service}; rm -rf /"])
            .env("APP_ENV", "a b")
            .dir("/srv/{service}");
        assert_eq!(
            line(spec.clone()).unwrap(),
            r"'env' 'APP_ENV=a b' 'php' 'it'\''s' 'shop; rm -rf /'"
        );
        let filled = RemoteCommand::run(spec)
            .fill(&values(), Duration::from_secs(90))
            .unwrap();
        assert_eq!(filled.parameters["workingDirectory"], ["/srv/shop"]);
        assert_eq!(filled.parameters["executionTimeout"], ["90"]);
    }

    #[test]
    fn a_command_may_not_run_longer_than_its_call() {
        let spec = CommandSpec::new(["true"]).timeout(Duration::from_secs(500));
        let filled = RemoteCommand::run(spec)
            .fill(&values(), Duration::from_mins(1))
            .unwrap();
        assert_eq!(filled.parameters["executionTimeout"], ["60"]);
    }

    #[test]
    fn what_the_service_would_fill_in_and_secrets_are_refused() {
        let with =
            |value: &str| line(CommandSpec::new(["echo", "{given}"]).env("A", "b")).map(|_| value.to_owned());
        assert!(with("x").is_err(), "no value for a placeholder");
        let given = values().with("given", "{{ssm:token}}");
        let command = RemoteCommand::document("d").parameter("p", "{given}");
        assert!(
            command
                .fill(&given, Duration::from_secs(1))
                .unwrap_err()
                .contains("{{")
        );
        let secret = line(CommandSpec::new(["echo"]).secret_env("TOKEN", "token"));
        assert!(secret.unwrap_err().contains("TOKEN"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn a_shell_reads_back_what_was_given(words in prop::collection::vec("[^\0{}]{0,20}", 1..4)) {
            let mut all = vec!["printf".to_owned(), "%s\\n".to_owned()];
            all.extend(words.iter().cloned());
            let script = line(CommandSpec::new(all)).unwrap();
            let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
            let expected = words.join("\n") + "\n";
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        }
    }
}
