//! The command as its users run it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn lint(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bluegreen-lint"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_exit_status_is_the_verdict() {
    for (sql, status) in [
        ("ALTER TABLE a ADD COLUMN b int", 0),
        ("DROP TABLE a", 1),
        ("FROBNICATE", 2),
        ("FROBNICATE; DROP TABLE a", 1),
    ] {
        assert_eq!(lint(&["-"], sql).status.code(), Some(status), "{sql}");
    }
    for args in [
        &["no-such-file.sql"][..],
        &[],
        &["--rule", "no-such-rule=off", "-"],
        &["--dialect", "oracle", "-"],
    ] {
        assert_eq!(lint(args, "").status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn the_text_shows_the_sql_the_lock_and_what_to_write_instead() {
    let output = lint(&["-"], "CREATE INDEX days ON orders (day);");
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "unsafe[create-index]",
        "^^^^",
        "SHARE on orders",
        "CREATE INDEX CONCURRENTLY days",
        "0 safe, 1 unsafe",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn a_plan_shows_each_deployment_with_its_sql() {
    let output = lint(
        &["--plan", "-"],
        "ALTER TABLE orders RENAME COLUMN note TO remark;",
    );
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "orders.note becomes orders.remark: 3 deployments",
        "step 4 of 4: release 3, contract",
        "ALTER TABLE orders DROP COLUMN note;",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn each_machine_format_is_nothing_else() {
    for format in ["json", "sarif"] {
        let output = lint(&["--format", format, "-"], "DROP TABLE a");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(document.to_string().contains("drop-table"));
    }
    let output = lint(&["--format", "github", "-"], "SELECT 1;\nDROP TABLE a");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .starts_with("::error file=-,line=2,title=drop-table::")
    );
}

#[test]
fn a_batch_answers_line_by_line() {
    let cases = concat!(
        "{\"id\":\"a\",\"dialect\":\"postgres\",\"sql\":\"DROP TABLE t\",\"setup\":null,\"server_version\":\"15\",\"in_transaction\":false}\n",
        "not json\n",
        "{\"id\":2,\"dialect\":\"mysql\",\"sql\":\"ALTER TABLE t MODIFY a varchar(60)\",\"setup\":\"CREATE TABLE t (a varchar(20))\"}\n",
    );
    let output = lint(&["--batch"], cases);
    let answers: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let verdicts: Vec<_> = answers
        .iter()
        .map(|answer| (answer["id"].clone(), answer["verdict"].clone()))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("a".into(), "unsafe".into()),
            (serde_json::Value::Null, "unknown".into()),
            (2.into(), "safe".into())
        ]
    );
}

#[test]
fn what_is_older_than_since_only_tells_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sql) in [
        (
            "1_orders.sql",
            "CREATE TABLE orders (note varchar(20)); DROP TABLE old;",
        ),
        (
            "2_note.sql",
            "ALTER TABLE orders ALTER COLUMN note TYPE varchar(50)",
        ),
        ("2_note.down.sql", "DROP TABLE orders"),
    ] {
        std::fs::write(folder.path().join(name), sql).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    assert_eq!(lint(&["--since", "1_orders", path], "").status.code(), Some(0));
    assert_eq!(
        lint(&[path], "").status.code(),
        Some(1),
        "the first migration drops a table"
    );
    assert_eq!(lint(&["--since", "9_nothing", path], "").status.code(), Some(2));
}
