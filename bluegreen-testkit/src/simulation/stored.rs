//! What the invariants need to know of a stored record, read without parsing all of it.

use std::sync::LazyLock;

use bluegreen_core::lifecycle::{End, Moment};
use bluegreen_core::{Operation, Phase, Role, Slot, Token};
use memchr::memmem::Finder;

use super::history::Actor;

/// What the invariants need to know of a stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) token: Token,
    /// Whose lease it is.
    pub(crate) holder: Option<Actor>,
    pub(crate) roles: [Role; 2],
    pub(crate) run: Option<StoredRun>,
}

/// What they need to know of the operation in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "as the record has them")]
pub(crate) struct StoredRun {
    pub(crate) number: u32,
    pub(crate) operation: Operation,
    pub(crate) release: u32,
    pub(crate) origin: Slot,
    pub(crate) target: Slot,
    pub(crate) phase: Phase,
    pub(crate) moment: Moment,
    pub(crate) step: usize,
    pub(crate) pauses: bool,
    pub(crate) exposed: bool,
    pub(crate) aborted: bool,
    pub(crate) gave_up_standby: bool,
    pub(crate) end: Option<End>,
}

/// A key of the record. What looks for it is made once.
type Key = LazyLock<Finder<'static>>;

macro_rules! keys {
    ($($name:ident = $text:literal,)*) => {
        $(static $name: Key = LazyLock::new(|| Finder::new(concat!("\"", $text, "\":")));)*
    };
}

keys! {
    EPOCH = "epoch",
    SEQ = "seq",
    HOLDER = "holder",
    SLOTS = "slots",
    ROLE = "role",
    BLUE = "blue",
    GREEN = "green",
    RUN = "run",
    PLAN = "plan",
    ID = "id",
    VERSION = "version",
    OPERATION = "operation",
    ORIGIN = "origin",
    TARGET = "target",
    PHASE = "phase",
    MOMENT = "moment",
    STEP = "step",
    PAUSE = "pause",
    EXPOSED = "exposed",
    ABORT = "abort",
    GIVE_UP_STANDBY = "give_up_standby",
    END = "end",
}

impl Stored {
    /// Reads a body. A quotation mark within a text is escaped, so the first `"phase":` is the field of
    /// the operation and nothing else: the plan and the journal come behind it.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let token = Token {
            epoch: number(body, &EPOCH)?,
            seq: number(body, &SEQ)?,
        };
        let holder = text(body, &HOLDER).and_then(|holder| {
            let digits = holder.get(1..holder.iter().position(|byte| *byte == b' ')?)?;
            std::str::from_utf8(digits).ok()?.parse().ok()
        });
        let slots = after(body, &SLOTS)?;
        let role = |slot: &Key| word(after(slots, slot)?, &ROLE);
        let roles = [role(&BLUE)?, role(&GREEN)?];
        let run = after(body, &RUN)?;
        let run = if run.starts_with(b"null") {
            None
        } else {
            Some(StoredRun::read(run)?)
        };
        Some(Self {
            token,
            holder,
            roles,
            run,
        })
    }

    pub(crate) fn role(&self, slot: Slot) -> Role {
        let [blue, green] = self.roles;
        match slot {
            Slot::Blue => blue,
            Slot::Green => green,
        }
    }
}

impl StoredRun {
    fn read(run: &[u8]) -> Option<Self> {
        // All of it stands before the plan.
        let run = run.get(..PLAN.find(run)?)?;
        let id = text(run, &ID)?;
        let id = id.get(..id.iter().position(|byte| *byte == b'-')?)?;
        let release =
            text(run, &VERSION).and_then(|version| std::str::from_utf8(version.get(1..)?).ok()?.parse().ok());
        Some(Self {
            number: std::str::from_utf8(id).ok()?.parse().ok()?,
            operation: word(run, &OPERATION)?,
            release: release.unwrap_or(0),
            origin: word(run, &ORIGIN)?,
            target: word(run, &TARGET)?,
            phase: text(run, &PHASE).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok())?,
            moment: word(run, &MOMENT)?,
            step: usize::try_from(number(run, &STEP)?).ok()?,
            pauses: after(run, &PAUSE).is_some(),
            exposed: after(run, &EXPOSED)?.starts_with(b"true"),
            aborted: after(run, &ABORT).is_some(),
            gave_up_standby: after(run, &GIVE_UP_STANDBY).is_some(),
            end: text(run, &END).and_then(parse),
        })
    }

    /// At the work of its phase, and not waiting for anything before it.
    pub(crate) const fn acts(&self) -> bool {
        matches!(self.moment, Moment::Act) && !self.pauses && self.end.is_none()
    }
}

/// What stands behind a key.
fn after<'a>(body: &'a [u8], key: &Key) -> Option<&'a [u8]> {
    body.get(key.find(body)? + key.needle().len()..)
}

fn number(body: &[u8], key: &Key) -> Option<u64> {
    let digits = after(body, key)?;
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(digits.get(..count)?).ok()?.parse().ok()
}

/// A text without its quotation marks.
fn text<'a>(body: &'a [u8], key: &Key) -> Option<&'a [u8]> {
    let text = after(body, key)?.strip_prefix(b"\"")?;
    text.get(..text.iter().position(|byte| *byte == b'"')?)
}

/// One of the words of an enum.
fn word<T: Words>(body: &[u8], key: &Key) -> Option<T> {
    text(body, key).and_then(parse)
}

fn parse<T: Words>(text: &[u8]) -> Option<T> {
    T::WORDS
        .iter()
        .find(|(word, _)| word.as_bytes() == text)
        .map(|(_, value)| *value)
}

/// An enum as it stands in records.
trait Words: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

impl Words for Slot {
    const WORDS: &'static [(&'static str, Self)] = &[("blue", Self::Blue), ("green", Self::Green)];
}

impl Words for Moment {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("act", Self::Act),
        ("before", Self::Before),
        ("after", Self::After),
    ];
}

impl Words for Role {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("live", Self::Live),
        ("candidate", Self::Candidate),
        ("standby", Self::Standby),
        ("empty", Self::Empty),
    ];
}

impl Words for Operation {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("deploy", Self::Deploy),
        ("rollback", Self::Rollback),
        ("retire", Self::Retire),
        ("contract", Self::Contract),
        ("adopt", Self::Adopt),
    ];
}

impl Words for End {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("promoted", Self::Promoted),
        ("rolled_back", Self::RolledBack),
        ("failed", Self::Failed),
        ("aborted", Self::Aborted),
        ("retired", Self::Retired),
        ("contracted", Self::Contracted),
        ("adopted", Self::Adopted),
        ("resolved", Self::Resolved),
    ];
}
