//! A plan in words: what will happen, in order, for whoever has to say yes to it.

use std::time::Duration;

use super::humane::format as time;
use super::{
    ApprovalDefault, BothUnhealthy, Disposal, ExpandWhen, GateSpec, HookFailure, Plan, ScenarioStep, Step,
    Target, Undrained, WorkersOrder,
};
use crate::Share;
use crate::analysis::{AnalysisSpec, MetricSpec, OnInconclusive};
use crate::lifecycle::Phase;

impl Plan {
    /// The plan in words: each part of a deployment in order, what happens when one fails, and what
    /// this plan does without. Several lines; holds no secret.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut story = Story {
            plan: self,
            lines: Vec::new(),
            parts: 0,
        };
        story.beginning();
        story.before_traffic();
        for step in &self.steps {
            story.step(step);
        }
        story.after_cutover();
        story.way_back();
        story.left_out();
        story.lines.join("\n") + "\n"
    }
}

struct Story<'a> {
    plan: &'a Plan,
    lines: Vec<String>,
    parts: usize,
}

impl Story<'_> {
    /// A numbered part, with the hooks before and after its phases.
    fn part(&mut self, phases: &[Phase], text: impl Into<String>) {
        self.parts += 1;
        self.lines.push(format!("{:>2}. {}", self.parts, text.into()));
        self.hooks(phases);
    }

    /// A line that belongs to the part before it.
    fn detail(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("    - {}", text.as_ref()));
    }

    fn hooks(&mut self, phases: &[Phase]) {
        let plan = self.plan;
        for hook in &plan.hooks {
            if !phases.contains(&hook.at.phase) {
                continue;
            }
            let kind = if hook.command.is_some() { "command" } else { "code" };
            let failure = match hook.on_failure {
                _ if hook.at.phase.is_way_back() => "a failure is told, and no more",
                HookFailure::Fail => "a failure fails the phase",
                HookFailure::Warn => "a failure is told, and no more",
            };
            self.detail(format!("hook {} ({kind}) {}; {failure}", hook.name, hook.at));
        }
    }

    fn beginning(&mut self) {
        let plan = self.plan;
        let target = match plan.target {
            Target::Auto => "the slot that is not live",
            Target::Blue => "blue, and is refused while blue is live",
            Target::Green => "green, and is refused while green is live",
        };
        self.lines.push(format!(
            "A deployment of {}: the release goes to {target}.",
            plan.service
        ));
        for window in &plan.windows.allow {
            let actions = words(window.actions.iter().map(|action| action.as_str()));
            self.detail(format!("allowed only in windows: {actions}, {window}"));
        }
        for window in &plan.windows.freeze {
            let actions = words(window.actions.iter().map(|action| action.as_str()));
            self.detail(format!("frozen: {actions}, {window}"));
        }
        if !plan.windows.freeze.is_empty() || !plan.windows.allow.is_empty() {
            self.detail("going back is allowed at any time");
        }
    }

    fn before_traffic(&mut self) {
        let plan = self.plan;
        let deadlines = &plan.deadlines;
        self.part(
            &[Phase::Reconcile],
            format!(
                "Read the routers: which slot is live, and does the record agree? ({})",
                within(deadlines.reconcile)
            ),
        );
        self.part(
            &[Phase::Preflight],
            format!(
                "Check before anything is touched ({}):",
                within(deadlines.preflight)
            ),
        );
        let live = if plan.preflight.allow_unhealthy_live {
            "the live slot need not be healthy"
        } else {
            "the live slot must be healthy"
        };
        self.detail(format!("the windows and what the routers can represent; {live}"));
        self.gates("further checks", &plan.preflight.checks);
        if !plan.sources.is_empty() {
            let sources = plan
                .sources
                .iter()
                .map(|source| format!("{} ({})", source.name, many(source.metrics().count(), "metric")));
            let sources: Vec<_> = sources.collect();
            self.detail(format!("the sources of metrics: {}", sources.join(", ")));
        }
        self.part(
            &[Phase::Drain, Phase::Retire],
            "Empty the target, if an old release is still kept there.",
        );
        self.part(
            &[Phase::Stage],
            format!(
                "Let the routers take the candidate in at 0% ({}).",
                within(deadlines.stage)
            ),
        );
        self.expand(ExpandWhen::BeforePrepare);
        self.part(
            &[Phase::Prepare, Phase::AwaitReady],
            format!(
                "Deploy the release to the target and wait until it is ready ({}).",
                within(deadlines.prepare)
            ),
        );
        self.expand(ExpandWhen::AfterPrepare);
        if !plan.warm_up.is_empty() {
            let text = format!(
                "Warm the candidate up with {} ({}):",
                many(plan.warm_up.len(), "command"),
                within(deadlines.warm_up)
            );
            self.part(&[Phase::WarmUp], text);
            for command in &plan.warm_up {
                self.detail(command.run.join(" "));
            }
        }
        self.part(
            &[Phase::Verify],
            format!(
                "Verify the candidate before it gets traffic ({}):",
                within(deadlines.verify)
            ),
        );
        self.gates("health", &plan.health);
        self.gates("smoke tests", &plan.smoke);
        self.gates("from the first traffic on also watched", &plan.guards);
        self.gates("and these numbers", plan.thresholds.gates());
        if plan.preflight.capacity > Share::NONE {
            let capacity = plan.preflight.capacity;
            self.detail(format!(
                "at least {capacity} of the live slot's instances, where the host can count them"
            ));
        }
    }

    fn expand(&mut self, when: ExpandWhen) {
        if self
            .plan
            .migrations
            .as_ref()
            .is_some_and(|migrations| migrations.expand == when)
        {
            let limit = within(self.plan.deadlines.migrate);
            self.part(
                &[Phase::Migrate],
                format!("Run the expand migrations; the old release goes on working ({limit})."),
            );
        }
    }

    fn step(&mut self, step: &Step) {
        let plan = self.plan;
        if let Some(approval) = &step.approval {
            let default = match approval.default {
                ApprovalDefault::Abort => "abort",
                ApprovalDefault::Proceed => "go on",
            };
            let text = format!(
                "Wait up to {} for an approval; without an answer {default}.",
                time(approval.expires)
            );
            self.part(&[Phase::Approval], text);
        }
        let cutover = if step.weight == Share::ALL {
            " (the cutover)"
        } else {
            ""
        };
        let bake = if step.bake.is_zero() {
            String::new()
        } else {
            format!(" for {}", time(step.bake))
        };
        let watched = plan
            .health
            .iter()
            .chain(&plan.guards)
            .chain(plan.thresholds.gates());
        let watched = words(watched.map(|gate| gate.name.as_str()));
        let guards = if watched.is_empty() {
            String::new()
        } else {
            format!(", watched by {watched}")
        };
        let text = format!(
            "Give the candidate {} of the traffic{cutover}{bake}{guards}.",
            step.weight
        );
        self.part(&[Phase::Ready, Phase::Shift, Phase::Confirm, Phase::Bake], text);
        let deadlines = &plan.deadlines;
        self.detail(format!(
            "every router accepts it {} and confirms that it is live {}",
            within(deadlines.shift),
            within(deadlines.confirm)
        ));
        self.gates("must pass at the end", &step.gates);
        if let Some(analysis) = &plan.analysis {
            self.detail(analysed(analysis, step));
        }
    }

    fn after_cutover(&mut self) {
        let plan = self.plan;
        let deadlines = &plan.deadlines;
        if let Some(workers) = &plan.workers {
            let order = match workers.order {
                WorkersOrder::QuiesceFirst => {
                    "stop the old slot's from claiming work, then start the new slot's"
                }
                WorkersOrder::StartFirst => {
                    "start the new slot's, then stop the old slot's from claiming work"
                }
            };
            let text = format!("Move the workers: {order} (each {}).", within(deadlines.workers));
            self.part(&[Phase::Quiesce, Phase::StartWorkers, Phase::QueueDepth], text);
            if let Some(depth) = workers.max_depth {
                self.detail(format!("then at most {} wait in the queues", many_jobs(depth)));
            }
        }
        if !plan.soak.time.is_zero() {
            self.part(
                &[Phase::Soak],
                format!(
                    "Watch the candidate with all traffic for {}.",
                    time(plan.soak.time)
                ),
            );
            self.gates("public address", &plan.public);
        }
        if plan
            .migrations
            .as_ref()
            .is_some_and(|migrations| migrations.backfill)
        {
            self.part(
                &[Phase::Backfill],
                format!("Run the backfill ({}).", within(deadlines.migrate)),
            );
        }
        let notify = if plan.notify {
            " and tell the notifiers"
        } else {
            ""
        };
        self.part(
            &[Phase::Finish],
            format!("Finish{notify}. The deployment ends here."),
        );
        let keep = &plan.retention;
        let then = match keep.then {
            Disposal::Stop => format!("wait {} for requests in flight, and stop it", time(keep.drain)),
            Disposal::Standby => "leave it at its standby size".to_owned(),
        };
        self.part(
            &[Phase::Contract],
            format!(
                "Keep the old slot for {}, for a rollback by traffic alone; then {then}.",
                time(keep.keep)
            ),
        );
        if keep.then == Disposal::Stop {
            let limit = time(deadlines.drain);
            self.detail(match keep.undrained {
                Undrained::Keep => {
                    format!("requests that are still in flight after {limit} are not cut: the slot stays")
                }
                Undrained::Cut => format!("requests that are still in flight after {limit} are cut"),
            });
        }
        if plan.migrations.is_some() {
            self.detail(
                "contract migrations run by an operation of their own, once no slot needs what they remove",
            );
        }
    }

    fn way_back(&mut self) {
        let plan = self.plan;
        self.lines.push("When something fails:".to_owned());
        self.detail("before the candidate has traffic: stop; the live slot was not touched");
        self.detail(format!(
            "afterwards: give all traffic back to the slot that was live (each part {}), without approval or window",
            within(plan.deadlines.rollback)
        ));
        if !plan.public.is_empty() {
            let gates = words(plan.public.iter().map(|gate| gate.name.as_str()));
            self.detail(format!("then the public address is asked: {gates}"));
        }
        self.detail(match plan.rollback.both_unhealthy {
            BothUnhealthy::Return => "if neither slot is healthy: back to the slot that was live",
            BothUnhealthy::Halt => "if neither slot is healthy: stop where it is, and ask",
        });
        self.detail("if only the candidate is healthy: stop where it is, and ask");
        self.hooks(&[
            Phase::ConfirmReturn,
            Phase::VerifyReturn,
            Phase::ReturnWorkers,
            Phase::Recover,
        ]);
    }

    fn left_out(&mut self) {
        let plan = self.plan;
        let parts = [
            ("health gates", plan.health.is_empty()),
            ("smoke tests", plan.smoke.is_empty()),
            ("guards", plan.guards.is_empty() && plan.thresholds.is_empty()),
            ("analysis", plan.analysis.is_none()),
            ("gates of the public address", plan.public.is_empty()),
            ("approvals", plan.steps.iter().all(|step| step.approval.is_none())),
            ("migrations", plan.migrations.is_none()),
            ("warm-up", plan.warm_up.is_empty()),
            ("workers", plan.workers.is_none()),
            ("soak", plan.soak.time.is_zero()),
            ("hooks", plan.hooks.is_empty()),
            ("notifications", !plan.notify),
            (
                "windows",
                plan.windows.allow.is_empty() && plan.windows.freeze.is_empty(),
            ),
        ];
        let without: Vec<_> = parts
            .into_iter()
            .filter(|(_, without)| *without)
            .map(|(part, _)| part)
            .collect();
        if !without.is_empty() {
            self.lines
                .push(format!("This plan does without: {}.", without.join(", ")));
        }
    }

    fn gates(&mut self, what: &str, gates: &[GateSpec]) {
        if !gates.is_empty() {
            self.detail(format!(
                "{what}: {}",
                gates.iter().map(gate).collect::<Vec<_>>().join(", ")
            ));
        }
    }
}

fn gate(gate: &GateSpec) -> String {
    let kind = match (&gate.command, &gate.metric) {
        (Some(_), _) => "command".to_owned(),
        (None, Some(metric)) => {
            let limits = [("at least", metric.min), ("at most", metric.max)];
            let limits = limits
                .into_iter()
                .filter_map(|(word, limit)| Some(format!("{word} {}", limit?)));
            let word = if metric.below { "below" } else { "above" };
            let of = if metric.of_live { " of live's" } else { "" };
            let levels = [
                ("normal", metric.normal, ""),
                ("warning", metric.warning, of),
                ("critical", metric.critical, of),
            ];
            let levels = levels
                .into_iter()
                .filter_map(|(name, level, of)| Some(format!("{name} {word} {}{of}", level?)));
            let limits = limits.collect::<Vec<_>>().join(" and ");
            let told = Some(limits).filter(|limits| !limits.is_empty()).into_iter();
            format!(
                "{} {}",
                metric.name,
                told.chain(levels).collect::<Vec<_>>().join(", ")
            )
        }
        (None, None) if gate.code => "code".to_owned(),
        (None, None) => match &gate.scenario {
            Some(scenario) => {
                let names = |steps: &[ScenarioStep]| words(steps.iter().map(|step| step.name.as_str()));
                match scenario.clean_up.as_slice() {
                    [] => format!("scenario: {}", names(&scenario.steps)),
                    clean_up => format!(
                        "scenario: {}; in any case {}",
                        names(&scenario.steps),
                        names(clean_up)
                    ),
                }
            }
            None => many(gate.http.len(), "request"),
        },
    };
    format!("{} ({kind})", gate.name)
}

/// What the analysis does in a step.
fn analysed(analysis: &AnalysisSpec, step: &Step) -> String {
    let (blocking, advisory): (Vec<_>, Vec<_>) = analysis.metrics.iter().partition(|metric| metric.blocking);
    let named = |metrics: &[&MetricSpec]| words(metrics.iter().map(|metric| metric.name.as_str()));
    if step.weight == Share::ALL {
        return format!(
            "the analysis has nothing left to compare; limits of {} are watched",
            named(&blocking)
        );
    }
    let policy = match analysis.on_inconclusive {
        OnInconclusive::Hold => format!("held up to {} for an approval, then back", time(analysis.hold)),
        OnInconclusive::Extend => format!(
            "watched for {} more, then held up to {} for an approval, then back",
            time(analysis.extend_by),
            time(analysis.hold)
        ),
        OnInconclusive::Rollback => "back".to_owned(),
        OnInconclusive::BakeSuffices => "on: the bake suffices".to_owned(),
    };
    let advisory = match advisory.as_slice() {
        [] => String::new(),
        advisory => format!(" (reported only: {})", named(advisory)),
    };
    format!(
        "compared with live: {}{advisory}; worse: back; cannot be told: {policy}",
        named(&blocking)
    )
}

fn within(limit: Duration) -> String {
    format!("within {}", time(limit))
}

fn many(count: usize, thing: &str) -> String {
    if count == 1 {
        format!("1 {thing}")
    } else {
        format!("{count} {thing}s")
    }
}

fn many_jobs(count: u64) -> String {
    if count == 1 {
        "1 job".to_owned()
    } else {
        format!("{count} jobs")
    }
}

fn words<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
