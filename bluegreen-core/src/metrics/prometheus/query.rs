//! Queries with placeholders.

use crate::command::Values;

/// A query with its placeholders filled in: `$slot`, `$service`, and every name of the plan's `[slots.…]`.
///
/// Dollars, as in Grafana's dashboards from which queries are copied, because braces are PromQL's own. A
/// name is lower-case letters, digits and `_`; `$1` of `label_replace` stays what it is, and `$$` is a dollar.
pub(super) fn fill(query: &str, values: &Values) -> Result<String, String> {
    let mut filled = String::with_capacity(query.len());
    let mut rest = query;
    while let Some((plain, after)) = rest.split_once('$') {
        filled.push_str(plain);
        let in_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let (name, behind) = after.split_at(after.find(|c| !in_name(c)).unwrap_or(after.len()));
        if let Some(dollar) = after.strip_prefix('$') {
            filled.push('$');
            rest = dollar;
        } else if name.starts_with(|c: char| c.is_ascii_lowercase()) {
            filled.push_str(&value(name, values)?);
            rest = behind;
        } else {
            filled.push('$');
            rest = after;
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value(name: &str, values: &Values) -> Result<String, String> {
    let value = values.fill(&format!("{{{name}}}"));
    let value =
        value.map_err(|_| format!("the placeholder ${name} has no value here; write $$ for a dollar"))?;
    // It may stand in quotes, where these would end it.
    if value.contains(['"', '\'', '`', '\\', '\n']) {
        return Err(format!("the value of ${name} has quotes or a backslash in it"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServiceName, Slot};

    #[test]
    fn dollars_are_filled_in_and_braces_stay() {
        let values = Values::new(&ServiceName::new("shop").unwrap())
            .slot(Slot::Green, None)
            .with("job", "api-2")
            .with("quote", "a\"b");
        for (query, expected) in [
            ("", Ok("")),
            ("hits", Ok("hits")),
            (
                r#"sum(rate(hits{slot="$slot",job=~"$job|x{2}"}[5m]))"#,
                Ok(r#"sum(rate(hits{slot="green",job=~"api-2|x{2}"}[5m]))"#),
            ),
            ("$slot$slot_", Err("$slot_ has no value")),
            ("$service-$other", Ok("shop-blue")),
            (
                r#"label_replace(v, "a", "$1", "b", "(.*)$$")"#,
                Ok(r#"label_replace(v, "a", "$1", "b", "(.*)$")"#),
            ),
            ("a$", Ok("a$")),
            ("$$slot ${slot} $Slot", Ok("$slot ${slot} $Slot")),
            ("$slto", Err("$slto has no value")),
            ("$quote", Err("quotes")),
        ] {
            match (fill(query, &values), expected) {
                (Ok(filled), Ok(expected)) => assert_eq!(filled, expected, "{query}"),
                (Err(problem), Err(part)) => assert!(problem.contains(part), "{query}: {problem}"),
                (filled, _) => panic!("{query}: {filled:?}"),
            }
        }
    }
}
