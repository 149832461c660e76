//! What is said of the best way in which MariaDB does a change is what it was measured to do: 10.11, asked for one
//! algorithm and lock after the other.

use bluegreen_core::migration::effect::{Algorithm, Lock, together};
use bluegreen_core::migration::{Engine, Linter, Server, ServerVersion};

/// The schema, and after a line of `---` an operation a line: the best way, what is there before it, and how it is
/// asked for, `INPLACE NONE: ALTER …| ALTER …`.
const MEASURED: &str = include_str!("data/mariadb-online.txt");

/// As the server is asked for it.
fn shown((algorithm, lock): (Algorithm, Lock)) -> String {
    let algorithm = match algorithm {
        Algorithm::Instant => return "INSTANT".to_owned(),
        Algorithm::NoCopy => "NOCOPY",
        Algorithm::Rebuild => "INPLACE",
        Algorithm::Copy => "COPY",
    };
    format!("{algorithm} {}", lock.to_string().replace("LOCK=", ""))
}

#[test]
fn what_is_said_is_what_was_measured() {
    let (schema, operations) = MEASURED.split_once("---\n").unwrap_or_default();
    let server = Server::new(Engine::Mariadb, ServerVersion::new(10, 11, 0));
    let linter = Linter::new(server).schema(schema);
    let mut wrong = Vec::new();
    let mut compared = 0;
    for line in operations.lines() {
        let Some((measured, operation)) = line.split_once(": ") else {
            panic!("{line}")
        };
        let (setup, sql) = operation.split_once(" | ").unwrap_or(("", operation));
        let linter = linter.clone().schema(setup);
        let script = linter.read(sql);
        let changes: Vec<_> = script
            .statements()
            .iter()
            .flat_map(|statement| &statement.changes)
            .map(|located| &located.change)
            .collect();
        compared += 1;
        match together(&changes, linter.known(), server).map(shown) {
            Some(said) if said == measured => {}
            said => wrong.push(format!("{operation}: said {said:?}, measured {measured}")),
        }
    }
    assert!(compared > 150, "only {compared} were compared");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
