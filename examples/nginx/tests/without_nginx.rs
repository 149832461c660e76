//! What the command line does where there is no nginx: it checks, refuses and reads.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Ran, program, run};
use tempfile::TempDir;

/// A folder with a configuration.
struct Folder {
    folder: TempDir,
    config: PathBuf,
}

impl Folder {
    fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("bluegreen.toml");
        fs::write(&config, text.replace("@ROOT@", folder.path().to_str().unwrap())).unwrap();
        Self { folder, config }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut program(&self.config, arguments))
    }
}

const GOOD: &str = r#"
[plan]
service = "shop"

[store]
dir = "store"

[host]
deploy.run = ["true", "{version}"]
retire.run = ["true"]

[nginx]
name = "shop"
directory = "@ROOT@/split"
control = "127.0.0.1:1"
http_include = "@ROOT@/shop.http"
server_include = "@ROOT@/shop.server"
upstreams = [{ name = "web", blue = ["127.0.0.1:2"], green = ["127.0.0.1:3"] }]
"#;

const BAD: &str = r#"
[plan]
service = "Shop"
steps = [{ weight = "5", bake = "2 minutes" }, { weight = "50%" }]
[[plan.health]]
name = "api"
http = [{ url = "{urll}/health" }]

[store]
folder = "store"

[host]
deploy.run = []
retire.run = ["stop", "{sloot}"]
readyness.run = ["true"]

[notify.chat]
run = ["tell", "{mesage}"]

[workers]
quiesce.run = ["true"]

[secrets]
token = { env = "BLUEGREEN_TEST_NOT_SET" }
both = { env = "A", file = "b" }

[nginx]
name = "Shop"
directory = "relative"
control = "0.0.0.0:80"
http_include = "@ROOT@/shop.http"
server_include = "@ROOT@/shop.server"
upstreams = []
override = { header = "X-Slot", secret = { secret = "nobody" } }

[ngnix]
"#;

#[test]
fn a_bad_configuration_shows_all_its_problems_at_once() {
    let folder = Folder::with(BAD);
    let ran = folder.run(&["check"]).ended_with(2);
    let lines: Vec<_> = ran.err.lines().collect();
    for place in [
        "plan.service",
        "plan.steps[0].weight",
        "plan.steps[0].bake",
        "plan.health[0].http[0].url",
        "store.dir",
        "store.folder",
        "host.readyness",
        "workers.start",
        "secrets.token",
        "secrets.both",
        "nginx.name",
        "nginx.directory",
        "nginx.control",
        "nginx.upstreams",
        "nginx.override.secret",
        "ngnix",
    ] {
        let begins = format!("  {place}: ");
        assert_eq!(
            lines.iter().filter(|line| line.starts_with(&begins)).count(),
            1,
            "{place}: {ran:#?}"
        );
    }
    assert!(!folder.folder.path().join("store").exists(), "something was done");
}

#[test]
fn what_is_wrong_with_one_of_several_hosts_is_told_where_it_stands_and_what_they_share_once() {
    let hosts = r#"
[[nginx.hosts]]
name = "web1"
ssh = []
[[nginx.hosts]]
name = "web1"
ssh = ["ssh", "web2"]
exec = ["sudo"]
control = "0.0.0.0:80"
sssh = ["ssh"]
"#;
    let text = GOOD.replace("name = \"shop\"", "name = \"Shop\"") + hosts;
    let ran = Folder::with(&text).run(&["check"]).ended_with(2);
    let lines: Vec<_> = ran.err.lines().filter(|line| line.starts_with("  ")).collect();
    for place in [
        "nginx.name",
        "nginx.hosts[0].ssh",
        "nginx.hosts[1].name",
        "nginx.hosts[1].exec",
        "nginx.hosts[1].control",
        "nginx.hosts[1].sssh",
    ] {
        let begins = format!("  {place}: ");
        let told = lines.iter().filter(|line| line.starts_with(&begins)).count();
        assert_eq!(told, 1, "{place}: {ran:#?}");
    }
    assert_eq!(lines.len(), 6, "{ran:#?}");
}

#[test]
fn commands_that_cannot_be_filled_in_are_found_before_anything_is_done() {
    let text = GOOD
        .replace(r#"retire.run = ["true"]"#, r#"retire.run = ["stop", "{sloot}"]"#)
        .replace(
            "[store]",
            "[notify.chat]\nrun = [\"tell\", \"{mesage}\"]\n[store]",
        )
        + "\n[migrator]\nexpand.run = [\"migrate\"]\n";
    Folder::with(&text).run(&["deploy", "1.0"]).ended_with(2).said(&[
        "host.retire: ",
        "sloot",
        "notify.chat: ",
        "mesage",
        "migrator: the plan has no migrations",
    ]);
}

#[test]
fn sections_that_are_needed_are_missed() {
    Folder::with("").run(&["check"]).ended_with(2).said(&[
        "plan: it is missing",
        "store: it is missing",
        "host: it is missing",
        "nginx: it is missing",
    ]);
}

#[test]
fn what_is_wrong_is_told_to_programs_too() {
    let ran = Folder::with(BAD).run(&["--json", "check"]).ended_with(2);
    let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(object["command"], "check");
    assert_eq!(object["exit"], "wrong");
    assert_eq!(object["code"], 2);
    let places: Vec<_> = object["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| &problem["path"])
        .collect();
    assert!(places.iter().any(|place| *place == "plan.service"), "{places:?}");
}

#[test]
fn a_good_configuration_is_explained() {
    Folder::with(GOOD).run(&["check"]).ended_with(0).said(&[
        "A deployment of shop",
        "Give the candidate 5% of the traffic",
        "The configuration is good",
    ]);
}

#[test]
fn the_file_may_be_missing_or_no_toml() {
    let folder = Folder::with("[plan\nservice = 1");
    folder.run(&["status"]).ended_with(2).said(&["line 1 is no TOML"]);
    fs::remove_file(&folder.config).unwrap();
    folder
        .run(&["status"])
        .ended_with(2)
        .said(&["cannot be read", "--config"]);
}

#[test]
fn status_and_history_say_so_when_nothing_has_been_deployed_yet() {
    let folder = Folder::with(GOOD);
    folder.run(&["status"]).ended_with(0).said(&[
        "nothing has been deployed yet",
        "router nginx-shop: cannot be asked",
    ]);
    folder
        .run(&["history"])
        .ended_with(0)
        .said(&["nothing has been done yet"]);
    folder.run(&["resume"]).ended_with(0).said(&["nothing is open"]);
    assert!(
        !folder.folder.path().join("store").exists(),
        "a look has made a store"
    );
    let ran = folder.run(&["status", "--json"]).ended_with(0);
    let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(object["status"]["service"], "shop");
}

#[test]
fn what_cannot_be_done_without_a_deployment_is_refused() {
    let folder = Folder::with(GOOD);
    for arguments in [
        &["rollback", "--reason", "x"][..],
        &["abort", "--reason", "x"],
        &["approve"],
        &["retire"],
        &["contract"],
    ] {
        folder
            .run(arguments)
            .ended_with(1)
            .said(&["nothing has been deployed yet"]);
    }
    folder
        .run(&["deploy", "2.0.0", "--give-up-standby", "1.0.0"])
        .ended_with(2)
        .said(&["no slot is kept as standby"]);
}

#[test]
fn a_version_with_characters_of_a_shell_is_refused() {
    let folder = Folder::with(GOOD);
    for version in ["1;ls", "$(id)", "`id`", "a b", "1.0\n", "a'b", "a|b", "", "-rf"] {
        for command in ["deploy", "check"] {
            let ran = folder.run(&[command, "--", version]).ended_with(2);
            assert!(!ran.err.contains("panicked"), "{ran:#?}");
        }
    }
    assert!(!folder.folder.path().join("store").exists(), "something was done");
}

#[test]
fn whoever_asks_has_to_have_a_name() {
    let folder = Folder::with(GOOD);
    let mut command = program(&folder.config, &["deploy", "1.0"]);
    run(command.env_remove("USER")).ended_with(2).said(&["--by NAME"]);
}

#[test]
fn a_secret_that_cannot_be_read_stops_a_deployment_and_not_a_look() {
    let text = format!("{GOOD}\n[secrets]\ntoken = {{ env = \"BLUEGREEN_TEST_TOKEN\" }}\n");
    let folder = Folder::with(&text);
    folder
        .run(&["deploy", "1.0"])
        .ended_with(2)
        .said(&["secrets.token: the variable BLUEGREEN_TEST_TOKEN is not set"]);
    folder
        .run(&["status"])
        .ended_with(0)
        .said(&["warning: secrets.token"]);
}

#[test]
fn the_value_of_a_secret_is_shown_nowhere() {
    let text = GOOD.replace(
        "[nginx]",
        "[secrets]\ntoken = { env = \"BLUEGREEN_TEST_TOKEN\" }\nfile = { file = \"secret.txt\" }\n[nginx]\noverride = { header = { secret = \"file\" }, secret = { secret = \"token\" } }\nkey = { secret = \"token\" }",
    );
    let folder = Folder::with(&text);
    fs::write(folder.folder.path().join("secret.txt"), "s3cr3t of the file\n").unwrap();
    let ran = run(program(&folder.config, &["check"]).env("BLUEGREEN_TEST_TOKEN", "t00 short"));
    let ran = ran.ended_with(2).said(&[
        "nginx.override.header",
        "nginx.override.secret",
        "nginx.key: unknown variant `***`",
    ]);
    let ran = format!("{ran:?}");
    assert!(!ran.contains("s3cr3t") && !ran.contains("t00 short"), "{ran}");
}

#[test]
fn a_deployment_that_the_routers_do_not_answer_for_touches_nothing() {
    let text = format!(
        "{GOOD}\n[plan.deadlines]\nreconcile = \"1s\"\n[plan.lease]\nttl = \"2s\"\ncall = \"1s\"\npoll = \"100ms\"\n"
    );
    let folder = Folder::with(&text);
    folder.run(&["deploy", "2.0.0"]).ended_with(1).said(&[
        "failed before any traffic had moved",
        "what is:",
        "what was done:",
        "what to do:",
    ]);
    folder.run(&["history"]).ended_with(0).said(&["deploy 2.0.0"]);
}

#[test]
fn the_help_tells_the_exit_codes() {
    let folder = Folder::with(GOOD);
    folder
        .run(&["--help"])
        .ended_with(0)
        .said(&["Exit codes:", "130", "demo"]);
}
