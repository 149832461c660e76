//! Expressions, as far as conditional writes and queries need them: comparisons, `BETWEEN`, `begins_with`,
//! `attribute_exists` and its contrary, joined by `AND`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Some of the [reserved words](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html):
/// the ones that an author of a store would use.
const RESERVED: [&str; 16] = [
    "ABSENT", "BLOB", "COUNT", "DATA", "DATE", "HASH", "ITEM", "KEY", "KEYS", "NAME", "OBJECT", "OWNER",
    "PATH", "STATUS", "TYPE", "VALUE",
];

/// The names and values that stand for others, and which of them were used.
pub(super) struct Words {
    names: Map<String, Value>,
    values: Map<String, Value>,
    used: BTreeSet<String>,
}

impl Words {
    pub(super) fn of(body: &Value) -> Self {
        let map = |name: &str| body[name].as_object().cloned().unwrap_or_default();
        Self {
            names: map("ExpressionAttributeNames"),
            values: map("ExpressionAttributeValues"),
            used: BTreeSet::new(),
        }
    }

    pub(super) fn name(&mut self, word: &str) -> Result<String, String> {
        if word.starts_with('#') {
            self.used.insert(word.to_owned());
            let name = self.names.get(word).and_then(Value::as_str);
            let missing =
                || format!("An expression attribute name used in the document path is not defined: {word}");
            return name.map(str::to_owned).ok_or_else(missing);
        }
        if RESERVED.contains(&word.to_uppercase().as_str()) {
            return Err(format!(
                "Attribute name is a reserved keyword; reserved keyword: {word}"
            ));
        }
        Ok(word.to_owned())
    }

    fn value(&mut self, word: &str) -> Result<Value, String> {
        self.used.insert(word.to_owned());
        let missing = || format!("An expression attribute value used in expression is not defined: {word}");
        self.values.get(word).cloned().ok_or_else(missing)
    }

    /// What is given and not used is a mistake.
    pub(super) fn all_used(&self) -> Result<(), String> {
        let unused =
            |words: &Map<String, Value>| words.keys().find(|word| !self.used.contains(*word)).cloned();
        match unused(&self.names).or_else(|| unused(&self.values)) {
            Some(word) => Err(format!("Value unused in expressions: keys: {{{word}}}")),
            None => Ok(()),
        }
    }
}

/// Terms of which all have to hold.
pub(super) struct Condition(Vec<Term>);

enum Term {
    Exists(String, bool),
    Begins(String, Value),
    Between(String, Value, Value),
    Compare(String, String, Value),
}

impl Condition {
    pub(super) fn read(text: &str, words: &mut Words) -> Result<Self, String> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace(',', " , ");
        let mut tokens = spaced.split_whitespace();
        let mut terms = Vec::new();
        loop {
            terms.push(term(&mut tokens, words)?);
            match tokens.next() {
                None => return Ok(Self(terms)),
                Some(word) if word.eq_ignore_ascii_case("AND") => {}
                Some(other) => return Err(format!("Syntax error; token: {other:?}")),
            }
        }
    }

    pub(super) fn holds(&self, item: Option<&Map<String, Value>>) -> bool {
        let of = |name: &String| item.and_then(|item| item.get(name));
        self.0.iter().all(|term| match term {
            Term::Exists(name, wanted) => of(name).is_some() == *wanted,
            Term::Begins(name, start) => {
                let (text, start) = (of(name).and_then(text_of), text_of(start));
                text.zip(start)
                    .is_some_and(|(text, start)| text.starts_with(start))
            }
            Term::Between(name, low, high) => {
                let text = of(name).and_then(text_of);
                text.is_some_and(|text| text_of(low).is_some_and(|low| low <= text))
                    && text.is_some_and(|text| text_of(high).is_some_and(|high| text <= high))
            }
            Term::Compare(name, by, value) => match by.as_str() {
                "=" => of(name) == Some(value),
                _ => of(name) != Some(value),
            },
        })
    }
}

fn text_of(value: &Value) -> Option<&str> {
    value["S"].as_str()
}

fn term<'a>(tokens: &mut impl Iterator<Item = &'a str>, words: &mut Words) -> Result<Term, String> {
    let mut next = || {
        tokens
            .next()
            .ok_or_else(|| "Syntax error; token: <EOF>".to_owned())
    };
    let first = next()?;
    let symbol = |wanted: &str, found: &str| {
        if found == wanted {
            Ok(())
        } else {
            Err(format!("Syntax error; token: {found:?}"))
        }
    };
    match first {
        "attribute_exists" | "attribute_not_exists" => {
            symbol("(", next()?)?;
            let name = words.name(next()?)?;
            symbol(")", next()?)?;
            Ok(Term::Exists(name, first == "attribute_exists"))
        }
        "begins_with" => {
            symbol("(", next()?)?;
            let name = words.name(next()?)?;
            symbol(",", next()?)?;
            let start = words.value(next()?)?;
            symbol(")", next()?)?;
            Ok(Term::Begins(name, start))
        }
        name => {
            let name = words.name(name)?;
            match next()? {
                "BETWEEN" => {
                    let low = words.value(next()?)?;
                    symbol("AND", next()?)?;
                    let high = words.value(next()?)?;
                    if text_of(&low) > text_of(&high) {
                        return Err(
                            "The BETWEEN operator requires upper bound to be greater than or equal to \
                            lower bound"
                                .to_owned(),
                        );
                    }
                    Ok(Term::Between(name, low, high))
                }
                by @ ("=" | "<>") => Ok(Term::Compare(name, by.to_owned(), words.value(next()?)?)),
                other => Err(format!("Syntax error; token: {other:?}")),
            }
        }
    }
}
