//! How fast migrations are checked: 10 MB of them in one file and in 1,000, beside squawk where it is
//! installed, and whether twice as much takes twice as long.

#![expect(clippy::print_stdout, reason = "it is a command")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bluegreen_core::{Clock as _, SystemClock};
use clap::Parser;

/// Measures the wall time of bluegreen-lint, and of squawk beside it in the same run.
#[derive(Debug, Parser)]
#[command(name = "lint-bench")]
struct Args {
    /// The program bluegreen-lint; the one beside this program when it is not said
    #[arg(long)]
    lint: Option<PathBuf>,
    /// The program squawk (pip install squawk-cli); left out: only ours is measured
    #[arg(long)]
    squawk: Option<PathBuf>,
    /// How much SQL, in megabytes
    #[arg(long, default_value_t = 10)]
    megabytes: usize,
    /// How often each is run; the fastest run counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

const FILES: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let lint = match args.lint {
        Some(lint) => lint,
        None => std::env::current_exe()?.with_file_name("bluegreen-lint"),
    };
    let folder = tempfile::tempdir()?;
    let whole = folder.path().join("whole.sql");
    fs::write(&whole, script(0, args.megabytes * 1_000_000))?;
    let many = folder.path().join("many");
    fs::create_dir(&many)?;
    let mut paths = Vec::with_capacity(FILES);
    for at in 0..FILES {
        let path = many.join(format!("{at:04}.sql"));
        fs::write(&path, script(at * 1_000_000, args.megabytes * 1_000_000 / FILES))?;
        paths.push(path);
    }
    let fastest = |program: &Path, paths: &[&Path]| fastest(program, paths, args.runs);
    let each: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();

    println!(
        "{} MB of PostgreSQL migrations, the fastest of {} runs",
        args.megabytes, args.runs
    );
    let ours = [fastest(&lint, &[&whole])?, fastest(&lint, &[&many])?];
    let theirs = match &args.squawk {
        Some(squawk) => Some([fastest(squawk, &[&whole])?, fastest(squawk, &each)?]),
        None => None,
    };
    for (at, what) in ["one file", "1,000 files"].into_iter().enumerate() {
        let Some(ours) = ours.get(at) else { continue };
        match theirs.as_ref().and_then(|theirs| theirs.get(at)) {
            Some(theirs) => println!(
                "  {what:<12} bluegreen-lint {:6.2} s   squawk {:6.2} s   {:.1} times as fast",
                ours.as_secs_f64(),
                theirs.as_secs_f64(),
                theirs.as_secs_f64() / ours.as_secs_f64()
            ),
            None => println!("  {what:<12} bluegreen-lint {:6.2} s", ours.as_secs_f64()),
        }
    }
    println!("Whether it is linear:");
    for part in [4, 2, 1] {
        let bytes = args.megabytes * 1_000_000 / part;
        let path = folder.path().join("part.sql");
        fs::write(&path, script(0, bytes))?;
        let took = fastest(&lint, &[&path])?.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "it is far below 2^52")]
        let rate = bytes as f64 / 1e6 / took;
        println!("  {:5.1} MB {took:6.2} s   {rate:5.1} MB/s", rate * took);
    }
    Ok(())
}

/// The wall time of the fastest run. What a linter finds is its own affair: its status is not looked at.
fn fastest(program: &Path, paths: &[&Path], runs: usize) -> Result<Duration, Box<dyn Error>> {
    let clock = SystemClock::new();
    let mut fastest = Duration::MAX;
    for _ in 0..runs.max(1) {
        let began = clock.monotonic();
        Command::new(program)
            .args(paths)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
        fastest = fastest.min(clock.monotonic().since(began));
    }
    Ok(fastest)
}

/// Migrations as teams write them, no two the same.
fn script(first: usize, bytes: usize) -> String {
    let mut sql = String::with_capacity(bytes + 2_000);
    let mut at = first;
    while sql.len() < bytes {
        // A table of PostgreSQL has 1600 columns at most; few have more than a hundred.
        let shop = at / 100;
        // Writing to a string cannot fail.
        let _ = write!(
            sql,
            "-- {at}: orders of the shop\n\
             CREATE TABLE orders_{at} (\n  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n  customer_id bigint NOT NULL,\n  \
             state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'paid', 'sent')),\n  total numeric(12,2),\n  \
             placed_at timestamptz NOT NULL DEFAULT now()\n);\n\
             CREATE INDEX CONCURRENTLY orders_{at}_customer ON orders_{at} (customer_id, placed_at DESC) WHERE state <> 'sent';\n\
             ALTER TABLE customers_{shop} ADD COLUMN note_{at} text;\n\
             ALTER TABLE customers_{shop} ADD CONSTRAINT note_{at}_short CHECK (length(note_{at}) < 200) NOT VALID;\n\
             ALTER TABLE customers_{shop} VALIDATE CONSTRAINT note_{at}_short;\n\
             INSERT INTO settings (name, value) VALUES ('a {at}', 'x''y'), ('b {at}', NULL) ON CONFLICT (name) DO NOTHING;\n\
             UPDATE orders SET state = 'paid' WHERE id IN (SELECT id FROM orders WHERE state = 'new' LIMIT 100);\n\
             CREATE FUNCTION touch_{at}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.placed_at := now(); RETURN NEW; END $$;\n\
             ALTER TABLE products_{shop} ALTER COLUMN name_{at} TYPE varchar(200);\n\
             DROP INDEX CONCURRENTLY IF EXISTS products_{at}_old;\n\n"
        );
        at += 1;
    }
    sql
}
