//! What a switch costs the clients: four ways to move all traffic from one slot to the other, side by
//! side under the same load, on real proxies on loopback.
//!
//! Each switch is a whole one: the new side is started, all traffic moves, and the old side is killed
//! (not asked) as soon as the method's own procedure says that it may be. Failures are counted by the
//! clients.

mod haproxy;
mod method;
mod ours;
mod report;
mod row;
mod runbook;
mod traffic;

use std::io::Write;
use std::process::ExitCode;

use bluegreen_bench::Failure;
use bluegreen_bench::private::is_installed;
use bluegreen_testkit::loopback::LoopbackHost;
use clap::Parser;

use report::Report;
use row::Row;

/// Compares ways to switch all traffic on real proxies, under load. Needs nginx; takes HAProxy too where
/// it is installed.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// How often each method switches.
    #[arg(long, default_value_t = 20)]
    switches: usize,
    /// Four switches each: under 90 seconds in all.
    #[arg(long)]
    quick: bool,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
}

const NO_NGINX: u8 = 2;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn complain(what: &str) {
    // Where nobody listens to errors there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "switch-bench: {what}");
}

fn run(options: &Options) -> Result<ExitCode, Failure> {
    if !is_installed("nginx") {
        complain(
            "nginx is not installed. On Debian and Ubuntu: apt-get install nginx-light (only private instances on loopback are started; the system's own may stay stopped)",
        );
        return Ok(ExitCode::from(NO_NGINX));
    }
    // Services, clients and the driver each have a thread of their own, so that none delays the others
    // more than the machine makes it.
    let own = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
    };
    let (services, clients) = (own()?, own()?);
    let driver = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let switches = if options.quick { 4 } else { options.switches.max(1) };
    let report = driver.block_on(async {
        let host = services.spawn(LoopbackHost::start()).await??;
        let rows = all(&host, clients.handle(), switches).await?;
        Ok::<_, Failure>(Report::new(rows))
    })?;
    services.shutdown_background();
    clients.shutdown_background();
    let mut out = std::io::stdout().lock();
    if options.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    for fault in &report.faults {
        complain(fault);
    }
    Ok(if report.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn all(
    host: &LoopbackHost,
    clients: &tokio::runtime::Handle,
    switches: usize,
) -> Result<Vec<Row>, Failure> {
    let sides = host.addresses();
    let mut rows = vec![
        row::measure(runbook::Runbook::start(sides).await?, host, clients, switches).await?,
        row::measure(ours::reload(sides).await?, host, clients, switches).await?,
        row::measure(ours::buckets(sides).await?, host, clients, switches).await?,
    ];
    if is_installed("haproxy") {
        rows.push(row::measure(haproxy::HaProxy::start(sides).await?, host, clients, switches).await?);
    } else {
        complain("haproxy is not installed: its row is left out");
    }
    Ok(rows)
}
