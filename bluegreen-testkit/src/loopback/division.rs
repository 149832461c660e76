//! Which slot the next request goes to.

use std::hash::{DefaultHasher, Hash, Hasher};

use bluegreen_core::{Share, Slot, Split};

/// How requests are divided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Division {
    /// As evenly as can be: after n requests each slot had its share of n, to within one.
    #[default]
    Exact,
    /// By a hash of this request header: a client stays on its side as the weight grows. Requests
    /// without it are divided as in `Exact`.
    ByHeader(String),
}

/// Hands out every share exactly, spread evenly: of 5 %, each twentieth. Counts anew with each new share.
#[derive(Debug, Default)]
pub(crate) struct Even {
    share: Share,
    count: u64,
}

impl Even {
    /// Whether the next one belongs to `share`.
    pub(crate) fn next(&mut self, share: Share) -> bool {
        if self.share != share {
            *self = Self { share, count: 0 };
        }
        let had = |count: u64| count.wrapping_mul(u64::from(share.basis_points())) / 10_000;
        let before = had(self.count);
        self.count = self.count.wrapping_add(1);
        had(self.count) > before
    }
}

/// The slot of a client by a hash of its key.
pub(crate) fn hashed(key: &[u8], split: Split) -> Slot {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    if hasher.finish() % 10_000 < u64::from(split.share(Slot::Green).basis_points()) {
        Slot::Green
    } else {
        Slot::Blue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_share_is_handed_out_exactly() {
        for points in [0, 1, 250, 500, 3_333, 5_000, 9_999, 10_000] {
            let share = Share::from_basis_points(points).unwrap();
            let mut even = Even::default();
            let given = (0..10_000).filter(|_| even.next(share)).count();
            assert_eq!(given, usize::from(points));
        }
    }

    #[test]
    fn a_client_stays_on_its_side_as_the_weight_grows() {
        let at = |client: u32, points| {
            let share = Share::from_basis_points(points).unwrap();
            hashed(&client.to_be_bytes(), Split::with(Slot::Green, share))
        };
        for client in 0..500 {
            let sides: Vec<_> = (0..=10_000)
                .step_by(500)
                .map(|points| at(client, points))
                .collect();
            assert!(sides.is_sorted(), "client {client} went back");
        }
    }
}
