//! The progress: a block that is drawn again and again on a terminal, lines elsewhere.

use std::io::{self, IsTerminal as _, Write as _};

use bluegreen_core::{Clock as _, Phase, Slot, SystemClock};
use bluegreen_testkit::load::Report;

use crate::Mode;
use crate::deployment::{NEW, OLD};
use crate::lines::{is_memorable, line};
use crate::scene::{News, Scene, Stage};
use crate::summary::Summary;
use crate::world::{View, rate};

const BAR: usize = 50;
const WIDTH: usize = 78;
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const BLUE: &str = "\x1b[34m";
const PLAIN: &str = "\x1b[0m";

/// Where the progress goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A terminal: a block, drawn over itself.
    Block,
    /// A file or a pipe: one line an event.
    Lines,
    /// One object at the end.
    Json,
}

/// Shows the progress.
#[derive(Debug)]
pub(crate) struct Screen {
    kind: Kind,
    clock: SystemClock,
    scene: Scene,
    /// What happened last.
    last: String,
    /// How many lines of the block are on the screen.
    drawn: usize,
}

/// Writes to stdout; that nobody reads it any more is no reason to stop a deployment.
macro_rules! out {
    ($($text:tt)*) => { let _ = writeln!(io::stdout(), $($text)*); };
}

/// Says why nothing could be done.
pub(crate) fn complain(why: &str) {
    let _ = writeln!(io::stderr(), "quickstart: {why}");
}

impl Screen {
    /// A screen, with its heading.
    pub(crate) fn new(mode: Mode, json: bool) -> Self {
        let kind = match (json, io::stdout().is_terminal()) {
            (true, _) => Kind::Json,
            (false, true) => Kind::Block,
            (false, false) => Kind::Lines,
        };
        let screen = Self {
            kind,
            clock: SystemClock::new(),
            scene: Scene::new(),
            last: String::new(),
            drawn: 0,
        };
        if kind != Kind::Json {
            out!("{}", heading(mode));
        }
        screen
    }

    fn elapsed(&self) -> f64 {
        self.clock.monotonic().0.as_secs_f64()
    }

    /// Tells what happened.
    pub(crate) fn tell(&mut self, news: &News) {
        if let Some((stage, text)) = line(news, &self.scene) {
            if self.kind == Kind::Lines || (self.kind == Kind::Block && is_memorable(news)) {
                self.clear();
                out!("{:6.2} s  {stage:<8}  {text}", self.elapsed());
            }
            self.last = text;
        }
        self.scene.take(news);
    }

    /// Draws the block over the last one.
    pub(crate) fn draw(&mut self, view: &View) {
        if self.kind != Kind::Block {
            return;
        }
        let block = self.block(view);
        let up = match self.drawn {
            0 => String::new(),
            lines => format!("\x1b[{lines}A"),
        };
        let lines = block
            .iter()
            .fold(String::new(), |lines, text| lines + text + "\x1b[K\n");
        // In one write, so that it does not flicker, and without wrapping, so that a line is a line.
        let _ = write!(io::stdout(), "\x1b[?7l{up}{lines}\x1b[J\x1b[?7h");
        self.drawn = block.len();
    }

    /// Says why it is not over yet.
    pub(crate) fn wait_for_clients(&mut self) {
        let text = "the clients finish the requests that they have begun (some take 3 s)";
        match self.kind {
            Kind::Block => {
                out!("{DIM}  {text}{PLAIN}");
                self.drawn += 1;
            }
            Kind::Lines => {
                out!("{:6.2} s  {:<8}  {text}", self.elapsed(), "clients");
            }
            Kind::Json => {}
        }
    }

    /// Shows what it came to.
    pub(crate) fn end(&mut self, summary: &Summary) {
        self.clear();
        match self.kind {
            Kind::Json => {
                out!("{}", summary.json());
            }
            Kind::Block | Kind::Lines => {
                out!("{}", summary.text());
            }
        }
    }

    /// Takes the block away.
    fn clear(&mut self) {
        if self.drawn > 0 {
            let _ = write!(io::stdout(), "\x1b[{}A\x1b[J", self.drawn);
        }
        self.drawn = 0;
    }

    fn block(&self, view: &View) -> Vec<String> {
        let now = self.clock.now();
        let wait = match self.scene.left(now) {
            Some(left) => format!("for another {:.1} s", left.as_secs_f64()),
            None => String::new(),
        };
        let elapsed = format!("{:.1} s since the start", self.elapsed());
        let phase = if self.scene.is_orphaned {
            format!("{RED}nobody is at work{PLAIN}")
        } else {
            format!("{BOLD}{}{PLAIN}", self.scene.at.0)
        };
        let green = view.split.share(Slot::Green);
        let filled = usize::from(green.basis_points()) * BAR / 10_000;
        let mut block = vec![
            String::new(),
            format!("  {}", track(&self.scene)),
            String::new(),
            format!("  {phase} {wait:<18} {DIM}{elapsed}{PLAIN}"),
            format!(
                "  {:>4} {BLUE}{}{GREEN}{}{PLAIN} {:<4}",
                view.split.share(Slot::Blue).to_string(),
                "█".repeat(BAR - filled),
                "▒".repeat(filled),
                green.to_string(),
            ),
        ];
        block.extend(Slot::BOTH.map(|slot| slot_line(slot, &view.load)));
        block.push(rate_line(&view.load));
        block.push(format!("  {DIM}{}{PLAIN}", short(&self.last)));
        block
    }
}

fn heading(mode: Mode) -> String {
    let what = match mode {
        Mode::Plain => "all goes well".to_owned(),
        Mode::BadRelease => "the new release fails once it has 25 % of the traffic".to_owned(),
        Mode::Kill { seed } => format!("the deployer is killed on the way, seed {seed}"),
        Mode::Lossy => "the proxy drops connections with each change of the split".to_owned(),
    };
    format!("shop: release {NEW} goes to green, release {OLD} is live in blue; {what}")
}

/// The stages, with what is done and what comes.
fn track(scene: &Scene) -> String {
    let now = scene.stage;
    if now == Stage::WayBack {
        return format!("{RED}{BOLD}way back{PLAIN}: all traffic returns to blue");
    }
    let mut is_done = true;
    let stages: Vec<_> = Stage::forward()
        .map(|stage| {
            if stage == now && scene.at.0 != Phase::Ended {
                is_done = false;
                return format!("{BOLD}{}{PLAIN}", stage.name());
            }
            let colour = if is_done { GREEN } else { DIM };
            format!("{colour}{}{PLAIN}", stage.name())
        })
        .collect();
    stages.join(" › ")
}

fn slot_line(slot: Slot, load: &Report) -> String {
    let (colour, release) = match slot {
        Slot::Blue => (BLUE, OLD),
        Slot::Green => (GREEN, NEW),
    };
    let (requests, failed) = load
        .slots
        .get(&slot)
        .map_or((0, 0), |seen| (seen.answered + seen.failed, seen.failed));
    format!(
        "  {colour}{slot:<6}{PLAIN}{release:<5}{requests:>7} requests  {}",
        count_failed(failed)
    )
}

fn rate_line(load: &Report) -> String {
    format!(
        "  {:<11}{:>7} requests  {}   {DIM}{:.0}/s, p50 {:.1} ms, p99 {:.1} ms{PLAIN}",
        "clients",
        load.sent,
        count_failed(load.failed()),
        rate(load),
        load.latency.p50.as_secs_f64() * 1000.0,
        load.latency.p99.as_secs_f64() * 1000.0,
    )
}

fn count_failed(failed: u64) -> String {
    let colour = if failed == 0 { "" } else { RED };
    format!("{colour}{failed:>5} failed{PLAIN}")
}

/// So much of a text as fits into the width.
fn short(text: &str) -> String {
    let mut short: String = text.chars().take(WIDTH - 2).collect();
    if short.len() < text.len() {
        short.pop();
        short.push('…');
    }
    short
}
