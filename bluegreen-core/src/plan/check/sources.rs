//! Rules for sources of metrics.

use std::collections::BTreeSet;

use super::Check;
use crate::plan::SourceSpec;

impl Check<'_> {
    pub(super) fn sources(&mut self) {
        let plan = self.plan;
        self.names("sources", plan.sources.iter().map(|source| source.name.as_str()));
        let mut known = BTreeSet::new();
        for (index, source) in plan.sources.iter().enumerate() {
            let path = format!("sources[{index}]");
            self.source(&path, source);
            for metric in source.metrics() {
                if metric.trim().is_empty() {
                    let remedy = "write the name under which gates and the analysis ask for it";
                    self.note(&path, "a metric has no name", remedy);
                } else if !known.insert(metric) {
                    let remedy = "give each metric a name of its own";
                    self.note(&path, format!("there are two metrics {metric:?}"), remedy);
                }
            }
        }
    }

    fn source(&mut self, path: &str, source: &SourceSpec) {
        let kinds = [
            ("scrape", source.scrape.is_some()),
            ("prometheus", source.prometheus.is_some()),
            ("commands", source.commands.is_some()),
        ];
        let given: Vec<_> = kinds.into_iter().filter(|(_, given)| *given).collect();
        match given.as_slice() {
            [_] => {}
            [] if kinds
                .iter()
                .any(|(kind, _)| self.stand_ins.touch(&format!("{path}.{kind}"))) => {}
            [] => self.note(
                path,
                "it asks nobody",
                "give one of scrape, prometheus or commands",
            ),
            _ => self.note(path, "it asks several", "make a source of each"),
        }
        if source.metrics().next().is_none() && !self.stand_ins.touch(path) {
            let remedy = "write what is looked for: counters.requests = \"http_requests_total\"";
            self.note(path, "it has no metrics", remedy);
        }
        for (index, address) in source
            .scrape
            .iter()
            .flat_map(|all| all.split_whitespace())
            .enumerate()
        {
            let of_several = if index == 0 {
                String::new()
            } else {
                format!(", the address number {}", index + 1)
            };
            self.url(&format!("{path}.scrape{of_several}"), address);
        }
        if source.scrape.as_ref().is_some_and(|all| all.trim().is_empty()) {
            self.note(
                format!("{path}.scrape"),
                "there is no address",
                "write \"{url}/metrics\"",
            );
        }
        if let Some(address) = &source.prometheus {
            self.url(&format!("{path}.prometheus"), address);
        }
        self.headers(&format!("{path}.headers"), &source.headers);
        if let Some(commands) = &source.commands {
            for (kind, list) in [("counters", &commands.counters), ("gauges", &commands.gauges)] {
                for (name, command) in list {
                    self.command(&format!("{path}.commands.{kind}.{name}"), command);
                }
            }
            for (key, given) in [
                ("counters", !source.counters.is_empty()),
                ("gauges", !source.gauges.is_empty()),
                ("histograms", !source.histograms.is_empty()),
                ("headers", !source.headers.is_empty()),
                ("stale_after", source.stale_after.is_some()),
            ] {
                if given {
                    let remedy =
                        "write commands.counters and commands.gauges; a timeout stands in each command";
                    self.note(
                        format!("{path}.{key}"),
                        "a source of commands has no such key",
                        remedy,
                    );
                }
            }
        }
        let unknown = self.stand_ins.touch(&format!("{path}.prometheus"));
        if source.measured_at.is_some() && source.prometheus.is_none() && !unknown {
            let message = "only Prometheus is asked for the moment of its data";
            self.note(format!("{path}.measured_at"), message, "leave it out");
        }
        for (key, span) in [("timeout", source.timeout), ("stale_after", source.stale_after)] {
            if let Some(span) = span {
                self.duration_above_zero(format!("{path}.{key}"), span);
            }
        }
    }
}
