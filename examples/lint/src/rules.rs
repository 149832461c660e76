//! Every rule with what it knows, as a page of documentation.

use std::io::Write;

use bluegreen_core::migration::Linter;

use crate::Failure;

pub(crate) fn show(linter: &Linter, mut output: impl Write) -> Result<(), Failure> {
    for rule in linter.rules() {
        let about = rule.about();
        let weight = format!("{:?}", about.severity).to_lowercase();
        let text = format!(
            "## {}\n\n{} ({weight})\n\n{}\n\nSource: {}\n\n",
            about.id, about.title, about.why, about.source
        );
        let mut examples = String::from("```sql\n");
        for example in about.examples {
            let engine = example
                .engine
                .map(|engine| format!(", {engine}"))
                .unwrap_or_default();
            let version = example
                .version
                .map(|version| format!(" {version}"))
                .unwrap_or_default();
            if !example.setup.is_empty() {
                examples.extend(["-- on: ", example.setup, "\n"]);
            }
            let mark = if example.found { "found" } else { "fine" };
            let sql = example.sql.trim_end_matches(';');
            examples.extend([sql, ";  -- ", mark, &engine, &version, "\n"]);
        }
        examples.push_str("```\n\n");
        output
            .write_all(text.as_bytes())
            .and_then(|()| output.write_all(examples.as_bytes()))
            .map_err(Failure::Output)?;
    }
    output.flush().map_err(Failure::Output)
}
