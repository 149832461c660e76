//! Rules for the analysis.

use super::Check;
use crate::Share;
use crate::plan::humane;

impl Check<'_> {
    pub(super) fn analysis(&mut self) {
        let Some(spec) = &self.plan.analysis else {
            return;
        };
        for problem in spec.problems("analysis") {
            // What a stand-in within it leads to, nobody wrote.
            if !self.stand_ins.touch(&problem.path) {
                self.note(problem.path, problem.message, problem.remedy);
            }
        }
        if spec.metrics.is_empty() && !self.stand_ins.touch("analysis.metrics") {
            let remedy = "write what is compared: [[analysis.metrics]] name = \"errors\", errors = {}";
            self.note("analysis.metrics", "it compares nothing", remedy);
        }
        self.duration_above_zero("analysis.hold", spec.hold);
        if self.stand_ins.touch("steps") {
            return;
        }
        let compared: Vec<_> = self.plan.steps.iter().enumerate().collect();
        let compared: Vec<_> = compared
            .into_iter()
            .filter(|(_, step)| step.weight < Share::ALL)
            .collect();
        if compared.is_empty() && !self.plan.steps.is_empty() {
            let remedy = "add a step with less, such as weight = \"5%\", or take the analysis out";
            self.note(
                "analysis",
                "every step gives the candidate all traffic, so there is never anything to compare it with",
                remedy,
            );
        }
        // What it takes to decide anything at all; the first step is also the one in which it warms up.
        let ticks = spec
            .tick
            .saturating_mul(spec.min_evidence_ticks.saturating_add(1));
        let mut least = ticks.saturating_add(spec.warm_up);
        for (index, step) in compared {
            if step.bake < least {
                let message = format!(
                    "the analysis cannot decide anything in a bake of {}: it needs {} at least",
                    humane::format(step.bake),
                    humane::format(least)
                );
                let remedy = "let the bake be longer, or analysis.warm_up, tick or min_evidence_ticks less";
                self.note(format!("steps[{index}].bake"), message, remedy);
            }
            least = ticks;
        }
    }
}
