//! Types of columns.

use std::fmt;

/// The type of a column, by its usual name: `varchar`, not `character varying`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlType {
    /// Its name in lower case.
    pub name: String,
    /// What stands in parentheses: length, precision and scale, the values of an enum.
    pub args: Vec<String>,
    /// How many times `[]`.
    pub dimensions: u8,
    /// MySQL's UNSIGNED or ZEROFILL.
    pub unsigned: bool,
}

impl SqlType {
    /// A type with nothing in parentheses.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// The first number in parentheses: a length, a precision.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.number(0)
    }

    /// A number in parentheses.
    #[must_use]
    pub fn number(&self, at: usize) -> Option<u64> {
        self.args.get(at).and_then(|arg| arg.parse().ok())
    }

    /// Whether it stands for an integer with a sequence.
    #[must_use]
    pub fn is_serial(&self) -> bool {
        matches!(
            self.name.as_str(),
            "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8"
        )
    }
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.args.is_empty() {
            write!(f, "({})", self.args.join(","))?;
        }
        if self.unsigned {
            f.write_str(" unsigned")?;
        }
        for _ in 0..self.dimensions {
            f.write_str("[]")?;
        }
        Ok(())
    }
}
