//! When what may be done. Rollback and abort are no actions here: they are always legal.

use std::fmt;

use jiff::civil;
use serde::{Deserialize, Serialize};

use super::zone::{Boundary, Edge, TimeOfDay, Zone};
use crate::Timestamp;

/// How far ahead the next opening is looked for, in days.
const HORIZON_DAYS: i32 = 400;

/// The actions that a window can close. Going back is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Beginning a deployment.
    Deploy,
    /// Giving the candidate more traffic.
    Shift,
    /// Retiring the standby.
    Retire,
    /// Running contract migrations.
    Contract,
}

impl Action {
    /// The name as it stands in plans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Shift => "shift",
            Self::Retire => "retire",
            Self::Contract => "contract",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When what may be done. A freeze wins over an allowance.
///
/// ```
/// use bluegreen_core::Plan;
/// use bluegreen_core::plan::Action;
///
/// let plan = Plan::from_toml(r#"
///     service = "shop"
///     [[windows.freeze]]
///     days = ["fri"]
///     from = "15:00"
///     zone = "Europe/Berlin"
///     reason = "nobody is here to help"
/// "#)?;
/// let friday_at_four = "2026-11-20T15:00:00Z".parse::<jiff::Timestamp>().unwrap();
/// let at = bluegreen_core::Timestamp::from_millis(friday_at_four.as_millisecond());
/// assert!(plan.windows.permits(Action::Deploy, at).is_err());
/// assert!(plan.windows.permits(Action::Shift, at).is_ok());
/// # Ok::<(), bluegreen_core::plan::PlanError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Windows {
    /// When an action may be begun. An action that no window here names may be begun at any time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Window>,
    /// When an action must not be begun.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Window>,
}

/// A time that returns each week, or that is once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Window {
    /// The days on which it begins. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Weekday>,
    /// From this time of the day on.
    #[serde(default = "Window::default_from")]
    pub from: TimeOfDay,
    /// Until just before this time of the day; when it is not after `from`, of the next day.
    #[serde(default = "Window::default_to")]
    pub to: TimeOfDay,
    /// Not before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Boundary>,
    /// Not after this; a date is meant with the whole of its day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Boundary>,
    /// Where the days and times are meant.
    pub zone: Zone,
    /// What it is about. A shift is not, unless it is named: a deployment that runs can finish.
    #[serde(default = "Window::default_actions")]
    pub actions: Vec<Action>,
    /// Why; shown to whoever it stops.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are the days of the week")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    fn of(date: civil::Date) -> Self {
        match date.weekday() {
            civil::Weekday::Monday => Self::Mon,
            civil::Weekday::Tuesday => Self::Tue,
            civil::Weekday::Wednesday => Self::Wed,
            civil::Weekday::Thursday => Self::Thu,
            civil::Weekday::Friday => Self::Fri,
            civil::Weekday::Saturday => Self::Sat,
            civil::Weekday::Sunday => Self::Sun,
        }
    }

    /// The name as it stands in plans.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

/// From the first moment until just before the second.
type Span = (jiff::Timestamp, jiff::Timestamp);

impl Windows {
    /// Whether an action may be begun at a moment; if not, why and until when.
    ///
    /// # Errors
    /// The reason, for people, when it may not.
    pub fn permits(&self, action: Action, at: Timestamp) -> Result<(), String> {
        let Ok(at) = jiff::Timestamp::from_millisecond(at.as_millis()) else {
            return Err(format!(
                "{action} is not allowed at {at}: no calendar reaches so far"
            ));
        };
        let (why, zone) = if let Some((index, window, _)) = self.frozen(action, at) {
            (
                format!("windows.freeze[{index}], {window}, does not allow {action}"),
                &window.zone,
            )
        } else if let Some(window) = self.closed(action, at) {
            let windows: Vec<_> = self
                .allowing(action)
                .map(|(index, window)| format!("windows.allow[{index}], {window}"))
                .collect();
            (
                format!("{action} is allowed only in {}", windows.join(", or in ")),
                &window.zone,
            )
        } else {
            return Ok(());
        };
        Err(match self.next_opening(action, at) {
            Some(opening) => format!(
                "{why}; it is allowed again from {}",
                zone.local(opening).strftime("%a %Y-%m-%d %H:%M %Z")
            ),
            None => format!("{why}; no time in the next {HORIZON_DAYS} days allows it"),
        })
    }

    fn allowing(&self, action: Action) -> impl Iterator<Item = (usize, &Window)> {
        self.allow
            .iter()
            .enumerate()
            .filter(move |(_, window)| window.actions.contains(&action))
    }

    fn frozen(&self, action: Action, at: jiff::Timestamp) -> Option<(usize, &Window, Span)> {
        let mut freezes = self
            .freeze
            .iter()
            .enumerate()
            .filter(|(_, window)| window.actions.contains(&action));
        freezes.find_map(|(index, window)| Some((index, window, window.around(at)?)))
    }

    /// The first window that would allow an action, when all that do are closed.
    fn closed(&self, action: Action, at: jiff::Timestamp) -> Option<&Window> {
        let open = self
            .allowing(action)
            .any(|(_, window)| window.around(at).is_some());
        if open {
            None
        } else {
            self.allowing(action).map(|(_, window)| window).next()
        }
    }

    /// The first moment from `at` on in which an action is allowed: from end of freeze to beginning
    /// of allowance, back and forth, for a bounded number of times.
    pub(super) fn next_opening(&self, action: Action, at: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let horizon = at
            .checked_add(jiff::SignedDuration::from_hours(24 * i64::from(HORIZON_DAYS)))
            .ok()?;
        let mut at = at;
        for _ in 0..4 * HORIZON_DAYS {
            at = if let Some((_, _, (_, end))) = self.frozen(action, at) {
                end
            } else if self.closed(action, at).is_some() {
                self.allowing(action)
                    .filter_map(|(_, window)| window.next_begin(at))
                    .min()?
            } else {
                return Some(at);
            };
            if at > horizon {
                return None;
            }
        }
        None
    }
}

impl Window {
    /// The whole of each day, for a deployment, for retiring and for contract migrations.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self {
            days: Vec::new(),
            from: Self::default_from(),
            to: Self::default_to(),
            since: None,
            until: None,
            zone,
            actions: Self::default_actions(),
            reason: String::new(),
        }
    }

    /// Only on these days.
    #[must_use]
    pub fn days(mut self, days: impl IntoIterator<Item = Weekday>) -> Self {
        self.days = days.into_iter().collect();
        self
    }

    /// Only between these times of the day.
    #[must_use]
    pub const fn between(mut self, from: TimeOfDay, to: TimeOfDay) -> Self {
        self.from = from;
        self.to = to;
        self
    }

    /// Not before this.
    #[must_use]
    pub const fn since(mut self, since: Boundary) -> Self {
        self.since = Some(since);
        self
    }

    /// Not after this.
    #[must_use]
    pub const fn until(mut self, until: Boundary) -> Self {
        self.until = Some(until);
        self
    }

    /// For these actions.
    #[must_use]
    pub fn actions(mut self, actions: impl IntoIterator<Item = Action>) -> Self {
        self.actions = actions.into_iter().collect();
        self
    }

    /// With a reason for whoever it stops.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    const fn default_from() -> TimeOfDay {
        TimeOfDay::BEGIN
    }

    const fn default_to() -> TimeOfDay {
        TimeOfDay::END
    }

    pub(super) fn default_actions() -> Vec<Action> {
        vec![Action::Deploy, Action::Retire, Action::Contract]
    }

    /// The span of the window that begins on a date, if one does.
    fn on(&self, date: civil::Date) -> Option<Span> {
        if !self.days.is_empty() && !self.days.contains(&Weekday::of(date)) {
            return None;
        }
        let last = if self.to > self.from {
            date
        } else {
            date.tomorrow().ok()?
        };
        let mut begin = self.zone.moment(self.from.on(date)?, Edge::Begin)?;
        let mut end = self.zone.moment(self.to.on(last)?, Edge::End)?;
        if let Some(since) = self.since {
            begin = begin.max(self.zone.moment(since.local(Edge::Begin)?, Edge::Begin)?);
        }
        if let Some(until) = self.until {
            end = end.min(self.zone.moment(until.local(Edge::End)?, Edge::End)?);
        }
        (begin < end).then_some((begin, end))
    }

    /// The span of the window in which a moment lies.
    fn around(&self, at: jiff::Timestamp) -> Option<Span> {
        let today = self.zone.local(at).date();
        // Yesterday's may reach over midnight.
        let days = [today.yesterday().ok(), Some(today)];
        days.into_iter()
            .flatten()
            .filter_map(|date| self.on(date))
            .find(|(begin, end)| *begin <= at && at < *end)
    }

    /// The first beginning of the window after a moment.
    fn next_begin(&self, at: jiff::Timestamp) -> Option<jiff::Timestamp> {
        let mut date = self.zone.local(at).date();
        for _ in 0..=HORIZON_DAYS {
            if let Some((begin, _)) = self.on(date).filter(|(begin, _)| *begin > at) {
                return Some(begin);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }
}

impl fmt::Display for Window {
    /// In words: `fri 15:00 to 24:00 Europe/Berlin (nobody is here to help)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days.is_empty() {
            f.write_str("every day")?;
        } else {
            let days: Vec<_> = self.days.iter().map(|day| day.as_str()).collect();
            f.write_str(&days.join(", "))?;
        }
        if (self.from, self.to) != (TimeOfDay::BEGIN, TimeOfDay::END) {
            write!(f, " {} to {}", self.from, self.to)?;
        }
        if let Some(since) = self.since {
            write!(f, " from {since}")?;
        }
        if let Some(until) = self.until {
            write!(f, " until {until}")?;
        }
        write!(f, " {}", self.zone)?;
        if !self.reason.is_empty() {
            write!(f, " ({})", self.reason)?;
        }
        Ok(())
    }
}
