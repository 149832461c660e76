//! What a fake is told to do with its next calls.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use bluegreen_core::FaultKind;

/// What a fake does with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// What the contract says: applied, and answered.
    Ok,
    /// Not applied, and answered with a fault of this kind.
    Fault(FaultKind),
    /// Applied, and answered with a fault of this kind: a lost answer, when it is `Unknown`.
    ApplyThenFault(FaultKind),
    /// Neither applied nor answered: the caller waits until it gives up.
    Hang,
    /// Applied, and never answered.
    ApplyThenHang,
    /// Applied and answered so much later. Not applied when the caller gives up before.
    Delay(Duration),
    /// Answered at once with an unknown outcome, and applied so much later, whatever has become of
    /// the caller.
    LandLate(Duration),
}

/// The behaviours of the calls to come, by operation.
#[derive(Debug)]
pub(crate) struct Script<C> {
    queues: HashMap<C, VecDeque<Behaviour>>,
}

impl<C> Default for Script<C> {
    fn default() -> Self {
        Self {
            queues: HashMap::new(),
        }
    }
}

impl<C: Eq + Hash> Script<C> {
    pub(crate) fn extend(&mut self, call: C, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.queues.entry(call).or_default().extend(behaviours);
    }

    /// The behaviour of the next call; `None` after the end of the script.
    pub(crate) fn next(&mut self, call: &C) -> Option<Behaviour> {
        self.queues.get_mut(call).and_then(VecDeque::pop_front)
    }
}

/// The operations of a port, as keys of a script and as names in the call log.
macro_rules! calls {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl From<$name> for &'static str {
            fn from(call: $name) -> Self {
                match call { $($name::$variant => $text,)* }
            }
        }
    };
}
pub(crate) use calls;
