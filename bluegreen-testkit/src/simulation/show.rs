//! Histories and scripts for people: a line for each thing that happened.

use std::fmt::{self, Display, Write};

use bluegreen_core::lifecycle::Moment;

use super::history::{Act, Actor, Fact, History, Said, WORLD, What};
use super::script::{Call, Deed, Doing, MetricData, Mishap, Quality, Script, Site, When};
use super::stored::StoredRun;

impl Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage { router, slot } => write!(f, "stage {slot} on router {}", router + 1),
            Self::Shift { router, split } => write!(f, "shift to {split} on router {}", router + 1),
            Self::Deploy { slot, release } => write!(f, "deploy r{release} to {slot}"),
            Self::Standby(slot) => write!(f, "standby of {slot}"),
            Self::Retire(slot) => write!(f, "retire of {slot}"),
            Self::Migrate { phase, release } => write!(f, "{phase} migrations of r{release}"),
            Self::Quiesce(slot) => write!(f, "quiesce of {slot}'s workers"),
            Self::StartWorkers(slot) => write!(f, "start of {slot}'s workers"),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} number {}", self.call, self.nth)
    }
}

impl Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Throttle(ms) => write!(f, ", to be tried again after {ms} ms"),
            Self::LandLate(ms) | Self::Hang(ms) => write!(f, ", after {ms} ms"),
            Self::Delay(ms) => write!(f, " by {ms} ms"),
            _ => Ok(()),
        }
    }
}

impl Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self
            .errors_from
            .map(|share| format!("has errors from {share} basis points of the traffic on"));
        let bad: Vec<_> = [
            (!self.boots).then_some("does not start"),
            (self.instances < Self::GOOD.instances).then_some("has too few instances"),
            (!self.healthy).then_some("is not healthy"),
            (!self.smoke).then_some("fails its smoke test"),
            errors.as_deref(),
            (!self.public).then_some("cannot be reached by the public address"),
            (!self.step).then_some("fails the gate of its steps"),
            match self.metric {
                MetricData::Good => None,
                MetricData::Bad => Some("is slow"),
                MetricData::Missing => Some("has no metrics"),
            },
        ]
        .into_iter()
        .flatten()
        .collect();
        f.write_str(&bad.join(", "))
    }
}

impl Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy(release) => write!(f, "deploy r{release}"),
            Self::DeployOver(release) => write!(f, "deploy r{release} and give the standby up"),
            Self::Rollback => f.write_str("roll back"),
            Self::Retire => f.write_str("retire the standby"),
            Self::GiveUp => f.write_str("retire the standby before its time"),
            Self::Contract => f.write_str("contract"),
            Self::Adopt => f.write_str("adopt"),
            Self::Resume => f.write_str("resume"),
            Self::Resolve(slot) => write!(f, "resolve, {slot} has the traffic"),
            Self::Approve => f.write_str("approve"),
            Self::Abort => f.write_str("abort"),
            Self::ByHand(None, slot) => write!(f, "by hand: all traffic of every router to {slot}"),
            Self::ByHand(Some(router), slot) => {
                write!(f, "by hand: all traffic of router {} to {slot}", router + 1)
            }
            Self::Sicken(slot, ms) => write!(f, "{slot} is sick for {ms} ms"),
            Self::Kill => f.write_str("kill who holds the lease"),
            Self::Freeze(ms) => write!(f, "suspend who holds the lease for {ms} ms"),
            Self::Wait(ms) => write!(f, "wait {ms} ms"),
        }
    }
}

impl Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.when {
            When::Phase(phase, ms) => write!(f, "{ms} ms after {phase} is reached: {}", self.doing),
            When::At(ms) => write!(f, "at {ms} ms: {}", self.doing),
        }
    }
}

fn said(said: Said) -> String {
    match said {
        Said::Report(Some(end)) => format!("it ended as {end:?}"),
        Said::Report(None) => "it needs an operator".to_owned(),
        Said::Fine => "done".to_owned(),
        Said::Nothing => "there is nothing to do".to_owned(),
        Said::Held => "another one is at work".to_owned(),
        Said::LeaseLost => "the lease is lost".to_owned(),
        Said::StoreFailed => "the store failed".to_owned(),
        Said::Refused => "it may not be done now".to_owned(),
        Said::RecordBroken => "the record cannot be read".to_owned(),
    }
}

fn run(run: &StoredRun) -> String {
    let mut text = format!(
        "{} {} of r{} to {}: {}",
        run.operation, run.number, run.release, run.target, run.phase
    );
    if run.phase.belongs_to_a_step() {
        let _ = write!(text, " of step {}", run.step + 1);
    }
    match run.moment {
        Moment::Before => text.push_str(", the hooks before it"),
        Moment::After => text.push_str(", the hooks after it"),
        Moment::Act => {}
    }
    for (is, what) in [
        (run.pauses, "waiting"),
        (run.exposed && run.end.is_none(), "traffic has moved"),
        (run.aborted, "aborted"),
    ] {
        if is {
            let _ = write!(text, ", {what}");
        }
    }
    if let Some(end) = run.end {
        let _ = write!(text, ", {end:?}");
    }
    text
}

fn who(actor: Actor) -> String {
    if actor == WORLD {
        "   ".to_owned()
    } else {
        format!("{:3}", format!("p{actor}"))
    }
}

/// One line.
pub(crate) fn line(fact: &Fact) -> String {
    let what = match &fact.what {
        What::Sent(act, token) => format!("sends       {act}  ({token})"),
        What::Landed(act, token) => format!("takes effect {act}  ({token})"),
        What::Bounced(act, token) => format!("is refused  {act}  ({token})"),
        What::Answered(act, token, answer) => format!("hears       {answer:?}: {act}  ({token})"),
        What::Judged { gate, slot, said, .. } => match said {
            Some(said) => format!("hears       gate {gate} of {slot}: {said}"),
            None => format!("hears       gate {gate} of {slot}: the measurement failed"),
        },
        What::Readiness { slot, said } => match said {
            Some((state, instances)) => {
                format!("hears       host: {slot} is {state:?}, {instances} instances")
            }
            None => format!("hears       host: no answer about {slot}"),
        },
        What::Verified { router, split, live } => {
            let live = match live {
                Some(true) => "live",
                Some(false) => "not yet live",
                None => "not known to be live",
            };
            format!("hears       router {}: {split} is {live}", router + 1)
        }
        What::InFlight { router, slot, said } => {
            format!("hears       router {}: in flight on {slot}: {said:?}", router + 1)
        }
        What::Hook(at) => format!("runs        the hook {at}"),
        What::Notice(kind) => format!("tells       {kind:?}"),
        What::Asked => "asks        for an approval".to_owned(),
        What::Stored(stored) => {
            let holder = stored.holder.map_or_else(
                || "nobody holds it".to_owned(),
                |holder| format!("p{holder} holds it"),
            );
            let run = stored
                .run
                .as_ref()
                .map_or_else(|| "nothing is open".to_owned(), run);
            format!("stores      {}, {holder}: {run}", stored.token)
        }
        What::Passed { phase, .. } => format!("journal     {phase}"),
        What::Born(doing) => format!("begins:     {doing}"),
        What::Died => "DIES".to_owned(),
        What::Asks(gate) => format!("asks        gate {gate}"),
        What::Wrong(what) => format!("WRONG       {what}"),
        What::Leaked(place) => format!("LEAKS       a secret into {place}"),
        What::Froze(ms) => format!("IS SUSPENDED for {ms} ms"),
        What::Ended(end) => format!("ends:       {}", said(*end)),
        What::Mishap(site, mishap) => format!("FAULT       {mishap}, at {site}"),
        What::ByHand { router, split } => format!("BY HAND     router {}: {split}", router + 1),
        What::Sick(slot, true) => format!("{slot} IS SICK"),
        What::Sick(slot, false) => format!("{slot} is well"),
        What::FaultsOff => "nothing goes wrong any more".to_owned(),
    };
    format!(
        "{:>9.3} s  {} {what}",
        f64::from(u32::try_from(fact.at_ms).unwrap_or(u32::MAX)) / 1000.0,
        who(fact.by)
    )
}

/// What is to happen in a world.
pub(crate) fn script(script: &Script) -> String {
    let mut text = format!("seed {}, plan {}\n", script.seed, script.plan);
    for (number, router) in script.routers.iter().enumerate() {
        let order = if router.fenced {
            "compares tokens".to_owned()
        } else {
            format!("settles in {} ms", router.settle_ms)
        };
        let _ = writeln!(
            text,
            "router {}: {order}, live after {} ms, {} in flight for {} ms",
            number + 1,
            router.lag_ms,
            if router.counts_in_flight {
                "counts requests"
            } else {
                "cannot count requests, which are"
            },
            router.linger_ms
        );
    }
    for (number, quality) in script.qualities.iter().enumerate() {
        if *quality != Quality::GOOD {
            let _ = writeln!(text, "r{number} {quality}");
        }
    }
    let story: Vec<_> = script.story.iter().map(ToString::to_string).collect();
    let _ = writeln!(text, "story: {}", story.join(", then "));
    for (site, mishap) in &script.mishaps {
        let _ = writeln!(text, "fault: {mishap}, at {site}");
    }
    for deed in &script.deeds {
        let _ = writeln!(text, "{deed}");
    }
    text
}

/// A world, line by line; up to a fact, if one is named.
pub(crate) fn history(history: &History, up_to: Option<usize>) -> String {
    let mut text = script(&history.script);
    let shown = up_to.map_or(history.facts.len(), |index| index + 1);
    for fact in history.facts.iter().take(shown) {
        text.push_str(&line(fact));
        text.push('\n');
    }
    text
}
