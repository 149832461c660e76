//! Checks the lifecycle and the deployer's protocol, and prints what was found.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use bluegreen_core::Operation;
use bluegreen_testkit::model::{Checked, Config, Twist, check};
use clap::Parser;

/// Explores every state of two deployers around the real lifecycle and holds each against the promises.
#[derive(Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Options {
    /// How often deployers die or are suspended.
    #[arg(long, default_value_t = 2)]
    crashes: u8,
    /// How many calls go wrong, and how many deadlines pass.
    #[arg(long, default_value_t = 2)]
    faults: u8,
    /// How many slots fall ill.
    #[arg(long, default_value_t = 1)]
    ills: u8,
    /// How often operators abort, ask for the way back, or resolve.
    #[arg(long, default_value_t = 1)]
    requests: u8,
    /// Operators do not resolve what is halted.
    #[arg(long)]
    no_resolve: bool,
    /// How many routers change together, up to 3.
    #[arg(long, default_value_t = 1)]
    routers: usize,
    /// How many steps the plan has, up to 4.
    #[arg(long, default_value_t = 2)]
    steps: usize,
    /// How often a call is tried.
    #[arg(long, default_value_t = 2)]
    attempts: u32,
    /// Routers compare tokens; otherwise they declare a settle time.
    #[arg(long)]
    fenced: bool,
    /// The last step needs an approval.
    #[arg(long)]
    approval: bool,
    /// Operations give the standby up before its retention is over.
    #[arg(long)]
    give_up_standby: bool,
    /// What is done, one after the other: deploy, rollback, retire, contract, adopt.
    #[arg(long, value_delimiter = ',', default_value = "deploy", value_parser = operation)]
    operations: Vec<Operation>,
    /// Make one thing wrong on purpose: no-lease, no-settle, epoch-only, act-before-store, skip-confirm,
    /// drain-before-confirm, timer-over-gate, oversleeps, resolves-blindly.
    #[arg(long)]
    twist: Option<Twist>,
    /// On how many threads; one finds the shortest traces.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn operation(text: &str) -> Result<Operation, String> {
    serde_json::from_value(text.into()).map_err(|_| format!("{text:?} is no operation"))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let config = Config {
        routers: options.routers,
        steps: options.steps,
        crashes: options.crashes,
        faults: options.faults,
        ills: options.ills,
        requests: options.requests,
        resolves: !options.no_resolve,
        fenced: options.fenced,
        attempts: options.attempts,
        approval: options.approval,
        give_up_standby: options.give_up_standby,
        operations: options.operations,
        twist: options.twist,
        threads: options.threads,
    };
    #[expect(clippy::disallowed_methods, reason = "how long it took is shown")]
    let began = Instant::now();
    let checked = match check(&config) {
        Ok(checked) => checked,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "model: {error}");
            return ExitCode::from(2);
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    let text = if options.json {
        json(&config, &checked, seconds)
    } else {
        text(&config, &checked, seconds)
    };
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::from(u8::from(!checked.broken().is_empty()))
}

fn text(config: &Config, checked: &Checked, seconds: f64) -> String {
    let mut lines = vec![
        format!(
            "{:?} over {} router(s) that {}, {} step(s){}",
            config.operations,
            config.routers,
            if config.fenced {
                "compare tokens"
            } else {
                "declare a settle time"
            },
            config.steps,
            config.twist.map_or_else(String::new, |twist| format!(
                "; wrong on purpose: {}",
                twist.as_str()
            )),
        ),
        format!(
            "{} crashes, {} faults, {} illnesses, {} requests of operators",
            config.crashes, config.faults, config.ills, config.requests
        ),
        format!(
            "{} states, depth {}, {seconds:.1} s{}",
            checked.states,
            checked.depth,
            if checked.whole { ", the whole space" } else { "" }
        ),
        String::new(),
    ];
    for promise in &checked.promises {
        let verdict = if promise.trace.is_some() { "BROKEN" } else { "kept" };
        lines.push(format!("{:>3}  {verdict:6}  {}", promise.number, promise.text));
    }
    for promise in &checked.promises {
        if let Some(trace) = &promise.trace {
            lines.push(String::new());
            lines.push(format!("Promise {} is broken by:", promise.number));
            let steps = trace.iter().enumerate();
            lines.extend(steps.map(|(at, step)| format!("{:>4}. {step}", at + 1)));
        }
    }
    lines.join("\n")
}

fn json(config: &Config, checked: &Checked, seconds: f64) -> String {
    let operations: Vec<String> = config.operations.iter().map(ToString::to_string).collect();
    let promises: Vec<_> = checked
        .promises
        .iter()
        .map(|promise| {
            serde_json::json!({
                "promise": promise.number,
                "text": promise.text,
                "kept": promise.trace.is_none(),
                "trace": promise.trace,
            })
        })
        .collect();
    serde_json::json!({
        "configuration": {
            "operations": operations,
            "routers": config.routers,
            "fenced": config.fenced,
            "steps": config.steps,
            "crashes": config.crashes,
            "faults": config.faults,
            "ills": config.ills,
            "requests": config.requests,
            "resolves": config.resolves,
            "twist": config.twist.map(Twist::as_str),
        },
        "states": checked.states,
        "depth": checked.depth,
        "whole": checked.whole,
        "seconds": seconds,
        "promises": promises,
    })
    .to_string()
}
