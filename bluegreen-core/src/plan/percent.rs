//! Shares and multiples as people write them: `0.05` or `"5%"`. For `#[serde(deserialize_with)]`.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A number, or a percentage in quotes.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Written::deserialize(deserializer).map(|Written(number)| number)
}

/// The same where it may be left out.
pub(crate) fn option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let written: Option<Written> = Option::deserialize(deserializer)?;
    Ok(written.map(|Written(number)| number))
}

/// The number before a percent sign; `None` where there is none.
pub(super) fn parse(text: &str) -> Option<f64> {
    let number = text.strip_suffix('%')?.trim().parse::<f64>().ok();
    number.filter(|number| number.is_finite())
}

struct Written(f64);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl de::Visitor<'_> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a percentage such as \"5%\"")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Written, E> {
        Ok(Written(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "shares and multiples are small")]
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Written, E> {
        Ok(Written(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "shares and multiples are small")]
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Written, E> {
        Ok(Written(number as f64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Written, E> {
        let share = parse(text).map(|percent| Written(percent / 100.0));
        share.ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(written: &Value) -> Result<f64, String> {
        number(written.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_share_is_a_number_or_a_percentage() {
        for (written, value) in [
            (json!(0.05), 0.05),
            (json!(2), 2.0),
            (json!(-1), -1.0),
            (json!("5%"), 0.05),
            (json!("0.1 %"), 0.001),
            (json!("200%"), 2.0),
        ] {
            assert!((read(&written).unwrap() - value).abs() < 1e-12, "{written}");
        }
        for written in [
            json!("5"),
            json!("x%"),
            json!("inf%"),
            json!("1s"),
            json!(""),
            json!(true),
            json!([]),
        ] {
            let refused = read(&written).expect_err(&written.to_string());
            assert!(refused.contains("a percentage such as \"5%\""), "{refused}");
        }
        assert_eq!(option(json!(null)).unwrap(), None);
        assert_eq!(option(json!("50%")).unwrap(), Some(0.5));
    }
}
