//! What parses text of others, on thousands of damaged texts: no panic, and what is read is written and
//! read again as the same. The same functions run for hours under a fuzzer, see `fuzz/README.md`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

#[cfg(feature = "http")]
mod answers;
mod targets;

use std::path::Path;

use bluegreen_testkit::damage::Corpus;

const PLAN: &str = r#"
service = "shop"
migrations = { expand = "after_prepare", backfill = true }
target = "green"
[slots.blue]
url = "http://127.0.0.1:8081"
[slots.green]
url = "http://127.0.0.1:8082"
[[health]]
name = "api"
period = "1m30s"
http = [{ url = "{url}/health", json = { "/status" = "ok" }, headers = { Authorization = { secret = "t" } } }]
[[guards]]
name = "errors"
metric = { name = "error_rate", max = 0.01 }
[[sources]]
name = "app"
scrape = "{url}/metrics"
counters = { requests = "hits_total", errors = "hits_total{code=~'5..'}" }
[thresholds]
p95 = { normal = "500ms", warning = "1s", critical = "2s" }
memory = { of_live = true, critical = "200%" }
[analysis]
tick = "5s"
on_inconclusive = "extend"
[[analysis.metrics]]
name = "errors"
errors = { normal = 0.001, critical = 0.05 }
[[steps]]
weight = "5%"
bake = "5m"
[[steps]]
weight = "100%"
approval = { expires = "2h", default = "proceed" }
[workers]
order = "start_first"
max_depth = 10
[[hooks]]
name = "purge"
at = "after confirm"
on_failure = "warn"
command = { run = ["purge", "{slot}", "{{x}}"], timeout = "10s" }
[[windows.freeze]]
days = ["fri", "sat"]
from = "15:00"
to = "24:00"
zone = "Europe/Berlin"
since = "2026-12-20"
until = "2027-01-06T12:00"
[retry]
factor = 1.5
[[smoke]]
name = "orders"
timeout = "20s"
[smoke.scenario]
clean_up_time = "5s"
values = { password = { secret = "smoke" } }
[[smoke.scenario.steps]]
name = "log-in"
redirects = "same_origin"
http = { method = "POST", url = "{url}/login", body_json = { a = ["{password}"] }, lacks = ["error"], matches = ["a(b)+"] }
take = { token = { json = "/token" }, id = { header = "location", regex = "([0-9]+)$", shown = true } }
[[smoke.scenario.clean_up]]
name = "delete"
http = { method = "DELETE", url = "{url}/{id}", headers = { Authorization = "Bearer {token}" }, body_form = { x = "{run}" } }
"#;

/// Records as they stand in files: those that are kept for each moment of an operation.
fn files() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/format-1");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "record"))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// The same without what a store of files adds.
fn records() -> Vec<Vec<u8>> {
    let body = |file: Vec<u8>| file.splitn(2, |byte| *byte == b'\n').last().unwrap().to_vec();
    files().into_iter().map(body).collect()
}

#[test]
fn plans_in_toml() {
    Corpus::of([PLAN, "service = \"shop\""]).each(1_500, targets::plan_toml);
}

#[test]
fn plans_in_json() {
    let json = bluegreen_core::Plan::from_toml(PLAN).unwrap().to_json().unwrap();
    Corpus::of([json.as_str(), r#"{"service":"shop"}"#]).each(1_500, targets::plan_json);
}

#[test]
fn words_of_plans_and_commands() {
    let words = [
        "1h30m",
        "90s",
        "500ms",
        "2d",
        "0s",
        "5%",
        "12.5%",
        "33.33%",
        "blue",
        "green",
        "15:00",
        "24:00",
        "2026-12-20",
        "2027-01-06T12:00",
        "Europe/Berlin",
        "+02:00",
        "after confirm",
        "before prepare",
        "17-20261121T083000Z",
        "shop",
        "1.2.3+build",
        "await_ready",
        "{url}/health{{}}",
        "{slot}-{other}",
    ];
    Corpus::of(words).each(200_000, targets::words);
}

#[test]
fn records_of_services() {
    Corpus::of(records()).each(3_000, targets::record);
}

#[test]
fn readings_of_an_analysis() {
    let text: String = ('0'..'z').cycle().take(18 * 40).collect();
    Corpus::of([text.as_str(), &"0".repeat(18 * 20)]).each(3_000, targets::ticks);
}

#[test]
fn files_of_a_store() {
    Corpus::of(files()).each(2_000, targets::store_file);
}

#[test]
fn pages_of_metrics() {
    let pages = [
        "# HELP a What it is.\n# TYPE a counter\na{b=\"c\",d=\"\\\\ \\\" \\n\"} 1 2\na 1.5\n",
        "# TYPE t histogram\nt_bucket{le=\"0.5\"} 3\nt_bucket{le=\"+Inf\"} 4\nt_sum 1e400\nt_count 4\n",
        "# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 17 1700000000.123 # {trace=\"x\"} 1\n# EOF\n",
        "{\"a name\", \"a label\"=\"\"} NaN\r\na\t-Inf\n",
        "",
    ];
    Corpus::of(pages).each(50_000, targets::exposition);
}

#[test]
fn migrations() {
    let scripts = [
        "BEGIN;\nSET lock_timeout = '2s';\nALTER TABLE \"Orders\" ADD COLUMN note varchar(20) DEFAULT 'it''s' NOT NULL, \
         DROP COLUMN a;\nCOMMIT;",
        "-- +goose Up\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a USING gin (b, lower(c)) WHERE b IS NOT NULL;\n-- +goose Down\nDROP INDEX i;",
        "CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b int REFERENCES c (id) ON DELETE CASCADE, \
         CONSTRAINT d CHECK (b > 0));\nALTER TABLE a ADD CONSTRAINT e FOREIGN KEY (b) REFERENCES c NOT VALID;\nALTER TABLE a VALIDATE CONSTRAINT e;",
        "-- bluegreen:allow drop-table: nobody reads it\nDROP TABLE IF EXISTS a, b CASCADE;\nCREATE FUNCTION f() RETURNS int \
         LANGUAGE plpgsql AS $a$ BEGIN RETURN 1; END $a$;",
        "DELIMITER //\nCREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET NEW.b = 1; END//\nDELIMITER ;\n\
         ALTER TABLE `a` MODIFY b ENUM('x','y') NOT NULL AFTER c, ALGORITHM=INPLACE, LOCK=NONE; # it is\n",
        "ALTER TABLE a CHANGE b c bigint unsigned, RENAME INDEX i TO j, CONVERT TO CHARACTER SET utf8mb4;\nRENAME TABLE a TO b, c TO d;",
        "PRAGMA foreign_keys = OFF;\nCREATE TABLE new_a (id INTEGER PRIMARY KEY);\nINSERT INTO new_a SELECT id FROM a;\n\
         DROP TABLE a;\nALTER TABLE new_a RENAME TO a;\n/* c /* d */ */",
        "UPDATE a SET b = (SELECT max(c) FROM d WHERE d.id = a.id) WHERE b IS NULL;\nWITH x AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM x;\n\
         COPY a (b) FROM stdin;\n1\t2\n\\.\n\\i more.sql\n",
    ];
    Corpus::of(scripts).each(6_000, targets::sql);
}

#[cfg(feature = "http")]
#[test]
fn answers_of_services() {
    let answers = [
        "HTTP/1.1 200 OK\r\nx-a: hunter2-and-more\r\nlocation: /orders17\r\nset-cookie: session=hunter2-and-more; Path=/; Secure\r\ncontent-length: 90\r\n\r\n\
         {\"status\": \"fine\", \"list\": [\"hunter2-and-more\"], \"id\": 17, \"text\": \"it is fine\", \"pad\": \"1\"}",
        "HTTP/1.1 302 Found\r\nlocation: /there?hunter2-and-more\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nis fi\r\n2\r\nne\r\n0\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nset-cookie: a=b; Max-Age=-1; Domain=.example.org; Expires=Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n<p>hunter2-and-more</p>",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    ];
    Corpus::of(answers).each(600, answers::http_answer);
}
