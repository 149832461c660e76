//! Where it is said: text on standard output, or with `--json` one object there and the text on
//! standard error.

use std::io::Write;

use serde_json::{Value, json};

use crate::Exit;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    /// For people.
    pub(crate) text: String,
    /// For programs: beside `command`, `exit` and `code`.
    pub(crate) object: serde_json::Map<String, Value>,
    /// Whether the text says why nothing more was done.
    is_error: bool,
}

impl Ended {
    pub(crate) fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self {
            exit,
            text: text.into(),
            object: serde_json::Map::new(),
            is_error: false,
        }
    }

    /// It was not carried through.
    pub(crate) fn error(exit: Exit, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            is_error: true,
            ..Self::new(exit, text.clone()).with("error", text)
        }
    }

    /// With a value for programs. What cannot be written as JSON is null there.
    pub(crate) fn with(mut self, key: &str, value: impl serde::Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.object.insert(key.to_owned(), value);
        self
    }
}

/// Says things. A reader that has gone away is no reason to stop a deployment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    json: bool,
}

impl Screen {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Says how it goes.
    pub(crate) fn say(self, text: &str) {
        if self.json {
            Self::warn(text);
        } else {
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }

    /// Says what should not be missed.
    pub(crate) fn warn(text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Says how it ended.
    pub(crate) fn end(self, command: &str, ended: Ended) -> Exit {
        let text = ended.text.trim_end();
        if self.json {
            let mut object = ended.object;
            object.insert("command".to_owned(), json!(command));
            object.insert("exit".to_owned(), json!(ended.exit));
            object.insert("code".to_owned(), json!(ended.exit.code()));
            Self::warn(text);
            let _ = writeln!(std::io::stdout(), "{}", Value::Object(object));
        } else if ended.is_error {
            Self::warn(text);
        } else {
            self.say(text);
        }
        ended.exit
    }
}
