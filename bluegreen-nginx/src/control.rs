//! What nginx says of itself, read from the control server.

use std::collections::BTreeSet;

use bluegreen_core::{Clock, InFlight, Share, Slot, Split, Token};

use crate::fence::split_of_green;
use crate::render::{THRESHOLDS, bucket_names};
use crate::transport::{Answer, Transport};
use crate::{Buckets, Counting, NginxConfig, NginxError};

/// What the workers of the bucket router see and use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The digest of the configuration that runs.
    pub(crate) config: String,
    /// Where everybody goes without a folder.
    pub(crate) fallback: Slot,
    /// Whether the folder is there.
    pub(crate) ready: bool,
    /// The buckets that are green's.
    pub(crate) marked: BTreeSet<String>,
    /// The folder's own account of itself: generation and written split.
    pub(crate) state: Option<State>,
    /// The newest token.
    pub(crate) token: Option<Token>,
}

/// What a folder says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) generation: u64,
    pub(crate) green: Split,
}

impl Seen {
    /// Asks for everything, the state before and after, so that a switch in between is noticed.
    pub(crate) async fn ask(transport: &dyn Transport, config: &NginxConfig) -> Result<Self, NginxError> {
        const TRIES: usize = 3;
        let mut urls = vec![url(config, "state")];
        if config.buckets.count() > 100 {
            urls.extend((0..10).map(|digit| url(config, &format!("buckets/{digit}"))));
        } else {
            urls.push(url(config, "buckets/"));
        }
        urls.extend([url(config, "state"), url(config, "fence")]);
        for _ in 0..TRIES {
            let answers = transport.get(&urls).await?;
            if let [before, parts @ .., after, fence] = answers.as_slice()
                && before == after
            {
                return Self::read(config, before, parts, fence);
            }
        }
        Err(NginxError::Unreadable {
            url: url(config, "state"),
            found: format!("the split changed in each of {TRIES} looks"),
        })
    }

    fn read(
        config: &NginxConfig,
        state: &Answer,
        parts: &[Answer],
        fence: &Answer,
    ) -> Result<Self, NginxError> {
        let mut seen: Option<Self> = None;
        for part in parts {
            let unreadable = || NginxError::Unreadable {
                url: url(config, "buckets/"),
                found: format!(
                    "status {}, {:?}",
                    part.status,
                    part.body.chars().take(80).collect::<String>()
                ),
            };
            let field = |name| field(&part.body, name).ok_or_else(unreadable);
            if part.status != 200 {
                return Err(unreadable());
            }
            let marked: BTreeSet<String> = field("marked=")?.split_whitespace().map(str::to_owned).collect();
            let ready = field("folder=")? == "ready";
            match &mut seen {
                None => {
                    seen = Some(Self {
                        config: field("config=")?.to_owned(),
                        fallback: field("live=")?.parse().map_err(|_| unreadable())?,
                        ready,
                        marked,
                        state: read_state(state),
                        token: read_token(fence),
                    });
                }
                Some(seen) => {
                    seen.marked.extend(marked);
                    seen.ready &= ready;
                }
            }
        }
        seen.ok_or_else(|| NginxError::Unreadable {
            url: url(config, "buckets/"),
            found: "nothing".to_owned(),
        })
    }

    /// The split that new requests get.
    pub(crate) fn split(&self, config: &NginxConfig) -> Split {
        if !self.ready {
            return Split::all(self.fallback);
        }
        let steps = usize::from(config.buckets.count());
        let points = self.marked.len().saturating_mul(10_000) / steps;
        let share = u16::try_from(points)
            .ok()
            .and_then(|points| Share::from_basis_points(points).ok());
        Split::with(Slot::Green, share.unwrap_or(Share::ALL))
    }

    /// Whether exactly the buckets of this split are green's.
    pub(crate) fn holds(&self, config: &NginxConfig, split: Split) -> bool {
        self.ready && self.marked.iter().eq(markers(config.buckets, split).iter())
    }

    /// Whether new requests are divided by this split, by the folder or without one.
    pub(crate) fn routes(&self, config: &NginxConfig, split: Split) -> bool {
        if self.ready {
            self.holds(config, split)
        } else {
            Split::all(self.fallback) == split
        }
    }

    /// For people.
    pub(crate) fn evidence(&self, config: &NginxConfig) -> String {
        let control = config.control;
        if !self.ready {
            return format!(
                "nginx at {control} does not see {}/current: everybody goes to {}, the slot that was live at install",
                config.directory.display(),
                self.fallback
            );
        }
        let counted = format!(
            "nginx at {control} tests {} of {} buckets as green",
            self.marked.len(),
            config.buckets.count()
        );
        match &self.state {
            Some(state) if self.holds(config, state.green) => {
                format!("{counted}, as generation {} was written", state.generation)
            }
            Some(state) => format!(
                "{counted}; generation {} was written for {}: somebody edited it",
                state.generation, state.green
            ),
            None => format!("{counted}; the folder does not say who wrote it"),
        }
    }
}

/// The names of the buckets that are green's under a split, or as many as fit.
pub(crate) fn markers(buckets: Buckets, split: Split) -> Vec<String> {
    let count = buckets.count();
    let green = u32::from(split.share(Slot::Green).basis_points()) * u32::from(count) / 10_000;
    bucket_names(count)
        .take(usize::try_from(green).unwrap_or(usize::MAX))
        .collect()
}

fn read_state(answer: &Answer) -> Option<State> {
    let number = |name| field(&answer.body, name)?.parse::<u64>().ok();
    (answer.status == 200).then_some(())?;
    Some(State {
        generation: number("generation=")?,
        green: split_of_green(number("green=")?)?,
    })
}

fn read_token(answer: &Answer) -> Option<Token> {
    (answer.status == 200).then_some(())?;
    let mut words = answer.body.split_whitespace().map(|word| word.parse().ok());
    Some(Token {
        epoch: words.next()??,
        seq: words.next()??,
    })
}

pub(crate) fn field<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    body.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

pub(crate) fn url(config: &NginxConfig, path: &str) -> String {
    format!("http://{}/{path}", config.control)
}

/// Asks the zone that counts. "None" is said after several looks: a request that is decided and not
/// yet counted takes no longer than one turn of a worker's loop.
pub(crate) async fn in_flight(
    transport: &dyn Transport,
    config: &NginxConfig,
    clock: &dyn Clock,
    slot: Slot,
) -> Result<InFlight, NginxError> {
    const LOOKS: usize = 3;
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(30);
    if config.counting == Counting::Off {
        return Ok(InFlight::Unknown);
    }
    let urls = THRESHOLDS.map(|threshold| url(config, &format!("in-flight/{slot}/{threshold}")));
    for look in 1..=LOOKS {
        let answers = transport.get(&urls).await?;
        let mut least = None;
        for ((answer, threshold), url) in answers.iter().zip(THRESHOLDS).zip(&urls) {
            match answer.status {
                503 => least = Some(u64::from(threshold)),
                204 => {}
                status => {
                    return Err(NginxError::Unreadable {
                        url: url.clone(),
                        found: format!("status {status}"),
                    });
                }
            }
        }
        if let Some(least) = least {
            return Ok(InFlight::AtLeast(least));
        }
        if look < LOOKS {
            clock.sleep(PAUSE).await;
        }
    }
    Ok(InFlight::None)
}
