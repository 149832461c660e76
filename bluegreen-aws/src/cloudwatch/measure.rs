//! What is measured of a slot.

use std::time::Duration;

use bluegreen_core::Slot;

/// How the values of a period become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stat {
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// How many there were.
    SampleCount,
    /// The value that so many percent do not exceed; from 1 to 99. CloudWatch makes them of single values only: of a
    /// metric that is published as sets of statistics there is no data.
    Percentile(u8),
}

impl Stat {
    pub(super) fn as_sent(self) -> String {
        match self {
            Self::Sum => "Sum".to_owned(),
            Self::Average => "Average".to_owned(),
            Self::Minimum => "Minimum".to_owned(),
            Self::Maximum => "Maximum".to_owned(),
            Self::SampleCount => "SampleCount".to_owned(),
            Self::Percentile(part) => format!("p{part}"),
        }
    }

    /// Whether the numbers of several periods may be added.
    const fn adds_up(self) -> bool {
        matches!(self, Self::Sum | Self::SampleCount)
    }
}

/// What cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what is measured: {0}")]
pub struct InvalidMeasure(String);

/// A balancer and its two target groups, as CloudWatch names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetGroups {
    balancer: String,
    groups: [String; 2],
}

impl TargetGroups {
    /// Of their ARNs.
    ///
    /// ```
    /// use bluegreen_aws::cloudwatch::{Measure, TargetGroups};
    ///
    /// let arn = |rest| format!("arn:aws:elasticloadbalancing:eu-central-1:123456789012:{rest}");
    /// let groups = TargetGroups::new(
    ///     &arn("loadbalancer/app/shop/50dc6c495c0c9188"),
    ///     &arn("targetgroup/shop-blue/943f017f100becff"),
    ///     &arn("targetgroup/shop-green/6d0ecf831eec9f09"),
    /// )?;
    /// let errors = Measure::failed_share(&groups);
    /// # drop(errors);
    /// # Ok::<(), bluegreen_aws::cloudwatch::InvalidMeasure>(())
    /// ```
    ///
    /// # Errors
    /// When one is the ARN of something else.
    pub fn new(balancer: &str, blue: &str, green: &str) -> Result<Self, InvalidMeasure> {
        let named = |arn: &str, kind: &str| {
            let resource = arn.splitn(6, ':').nth(5).filter(|_| arn.starts_with("arn:"));
            resource
                .filter(|resource| resource.starts_with(kind))
                .map(str::to_owned)
                .ok_or_else(|| InvalidMeasure(format!("«{arn}» is not the ARN of a {kind}…")))
        };
        let balancer = named(balancer, "loadbalancer/app/")?;
        Ok(Self {
            balancer: balancer.trim_start_matches("loadbalancer/").to_owned(),
            groups: [named(blue, "targetgroup/")?, named(green, "targetgroup/")?],
        })
    }
}

/// Where one row of numbers comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Metric {
        namespace: String,
        name: String,
        /// Each with its value for blue and for green.
        dimensions: Vec<(String, [String; 2])>,
        stat: Stat,
    },
    Expression([String; 2]),
}

/// One row of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) origin: Origin,
    pub(super) period_secs: u32,
}

/// How rows become one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// The newest number of the window.
    Newest(Row),
    /// The sum over the window; left out is zero where the second row has data.
    Count(Row, Row),
    /// The sum over the window.
    Total(Row),
    /// What part of the second sum the first is. Left out, it is none.
    Share(Row, Row),
}

/// What is measured of a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    pub(super) reading: Reading,
    pub(super) window: Duration,
}

/// How far back is looked, when nothing is said.
const WINDOW: Duration = Duration::from_mins(5);
pub(super) const MINUTE: u32 = 60;

impl Measure {
    /// Any metric, with dimensions that have the same value for both slots, or one for each: name, blue, green.
    /// Sums and counts are added over the window; of everything else the newest number is taken.
    ///
    /// # Errors
    /// When the namespace or the name is empty, a dimension is, there are more than 30, or no percentile is
    /// meant.
    pub fn metric<'a>(
        namespace: impl Into<String>,
        name: impl Into<String>,
        dimensions: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
        stat: Stat,
    ) -> Result<Self, InvalidMeasure> {
        let (namespace, name) = (namespace.into(), name.into());
        let dimensions: Vec<(String, [String; 2])> = dimensions
            .into_iter()
            .map(|(name, blue, green)| (name.to_owned(), [blue.to_owned(), green.to_owned()]))
            .collect();
        let is_empty = |(name, [blue, green]): &(String, [String; 2])| {
            name.is_empty() || blue.is_empty() || green.is_empty()
        };
        if namespace.is_empty() || name.is_empty() || dimensions.iter().any(is_empty) {
            return Err(InvalidMeasure(
                "a namespace, a name and all dimensions are needed".to_owned(),
            ));
        }
        if dimensions.len() > 30 {
            return Err(InvalidMeasure("a metric has at most 30 dimensions".to_owned()));
        }
        if matches!(stat, Stat::Percentile(0 | 100..)) {
            return Err(InvalidMeasure("a percentile is from 1 to 99".to_owned()));
        }
        let adds_up = stat.adds_up();
        let row = Row {
            origin: Origin::Metric {
                namespace,
                name,
                dimensions,
                stat,
            },
            period_secs: MINUTE,
        };
        Ok(Self::of(if adds_up {
            Reading::Total(row)
        } else {
            Reading::Newest(row)
        }))
    }

    /// The newest number that an expression gives: metric math, or a query of Metrics Insights. It has to give one
    /// series.
    #[must_use]
    pub fn expression(blue: impl Into<String>, green: impl Into<String>) -> Self {
        Self::of(Reading::Newest(Row {
            origin: Origin::Expression([blue.into(), green.into()]),
            period_secs: MINUTE,
        }))
    }

    /// The requests of a target group in the window. 0 where the balancer had requests and the group none.
    #[must_use]
    pub fn requests(groups: &TargetGroups) -> Self {
        let (of_group, of_balancer) = requests(groups);
        Self::of(Reading::Count(of_group, of_balancer))
    }

    /// How many requests of a target group were answered with 5xx in the window. 0 where there were requests and none
    /// of these.
    #[must_use]
    pub fn failed(groups: &TargetGroups) -> Self {
        let (failed, all) = failed_and_all(groups);
        Self::of(Reading::Count(failed, all))
    }

    /// What part of a target group's requests were answered with 5xx, from 0 to 1. No data without requests.
    #[must_use]
    pub fn failed_share(groups: &TargetGroups) -> Self {
        let (failed, all) = failed_and_all(groups);
        Self::of(Reading::Share(failed, all))
    }

    /// The time in seconds that 95 % of the targets' answers took at most, of the newest minute that there is.
    #[must_use]
    pub fn p95(groups: &TargetGroups) -> Self {
        Self::of(Reading::Newest(of_group(
            groups,
            "TargetResponseTime",
            Stat::Percentile(95),
        )))
    }

    fn of(reading: Reading) -> Self {
        Self {
            reading,
            window: WINDOW,
        }
    }

    /// How far back is looked; five minutes if nothing is said.
    ///
    /// # Errors
    /// When it is no whole number of periods (minutes, if nothing is said), or longer than three hours.
    pub fn window(mut self, window: Duration) -> Result<Self, InvalidMeasure> {
        let is_whole = |row: &Row| {
            let period = u64::from(row.period_secs);
            window.subsec_nanos() == 0 && window.as_secs().is_multiple_of(period)
        };
        let is_good = !window.is_zero() && window <= Duration::from_hours(3);
        if !is_good || !self.rows().into_iter().all(is_whole) {
            return Err(InvalidMeasure(
                "a window is a whole number of periods, at most three hours".to_owned(),
            ));
        }
        self.window = window;
        Ok(self)
    }

    /// The length of a period in seconds: 60 if nothing is said. Shorter ones have data only where metrics of high
    /// resolution are published.
    ///
    /// # Errors
    /// When it is not 1, 5, 10, 20, 30 or a multiple of 60, or no divisor of the window.
    pub fn period(mut self, secs: u32) -> Result<Self, InvalidMeasure> {
        if !matches!(secs, 1 | 5 | 10 | 20 | 30) && (secs == 0 || !secs.is_multiple_of(60)) {
            let what = format!("a period is 1, 5, 10, 20, 30 or a multiple of 60 seconds, and not {secs}");
            return Err(InvalidMeasure(what));
        }
        match &mut self.reading {
            Reading::Newest(row) | Reading::Total(row) => row.period_secs = secs,
            Reading::Count(row, other) | Reading::Share(row, other) => {
                row.period_secs = secs;
                other.period_secs = secs;
            }
        }
        let window = self.window;
        self.window(window)
    }

    pub(super) fn rows(&self) -> Vec<&Row> {
        match &self.reading {
            Reading::Newest(row) | Reading::Total(row) => vec![row],
            Reading::Count(row, other) | Reading::Share(row, other) => vec![row, other],
        }
    }
}

/// The requests of the group of a slot, and those of its balancer.
pub(super) fn requests(groups: &TargetGroups) -> (Row, Row) {
    (
        of_group(groups, "RequestCount", Stat::Sum),
        of_balancer(groups, "RequestCount"),
    )
}

fn failed_and_all(groups: &TargetGroups) -> (Row, Row) {
    (
        of_group(groups, "HTTPCode_Target_5XX_Count", Stat::Sum),
        of_group(groups, "RequestCount", Stat::Sum),
    )
}

fn of_group(groups: &TargetGroups, name: &str, stat: Stat) -> Row {
    let mut row = of_balancer(groups, name);
    if let Origin::Metric {
        dimensions,
        stat: of_row,
        ..
    } = &mut row.origin
    {
        dimensions.push(("TargetGroup".to_owned(), groups.groups.clone()));
        *of_row = stat;
    }
    row
}

fn of_balancer(groups: &TargetGroups, name: &str) -> Row {
    let balancer = [groups.balancer.clone(), groups.balancer.clone()];
    Row {
        origin: Origin::Metric {
            namespace: "AWS/ApplicationELB".to_owned(),
            name: name.to_owned(),
            dimensions: vec![("LoadBalancer".to_owned(), balancer)],
            stat: Stat::Sum,
        },
        period_secs: MINUTE,
    }
}

pub(super) fn for_slot(values: &[String; 2], slot: Slot) -> &str {
    let [blue, green] = values;
    match slot {
        Slot::Blue => blue,
        Slot::Green => green,
    }
}
