//! What stands around a body in a file: one line before it, which says whether the rest is whole.
//!
//! ```text
//! {"format":1,"counter":17,"length":42,"checksum":"9ae16a3b2f90404f"}
//! {"phase":"bake", …
//! ```
//!
//! The body follows as it is, so that people can read it. The checksum covers the counter and the body;
//! together with the length it notices what crashes and disks do. It is no protection against people
//! who want to deceive: whoever may write the file may write anything.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::StoreVersion;

/// The format that is written, and the newest that is read.
const FORMAT: u32 = 1;

/// Longer lines are no header; a damaged file need not be searched further.
const LONGEST_HEADER: usize = 256;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    /// How many times this file has been written.
    pub(super) counter: u64,
    pub(super) body: Bytes,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    counter: u64,
    length: usize,
    checksum: String,
}

/// The part of the header that every format has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

/// Why the content of a file is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("it is damaged ({0})")]
    Damaged(&'static str),
    #[error("it was written by a newer release of this program (format {0}; this one reads up to {FORMAT})")]
    Newer(u32),
}

impl Envelope {
    /// The version: the counter keeps it from coming back, the checksum from being taken for that of
    /// another file that was put in its place.
    pub(super) fn version(&self) -> StoreVersion {
        StoreVersion(format!("{}-{}", self.counter, checksum(self.counter, &self.body)))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let header = Header {
            format: FORMAT,
            counter: self.counter,
            length: self.body.len(),
            checksum: checksum(self.counter, &self.body),
        };
        // A header is numbers and one hexadecimal text: it can always be written.
        let mut bytes = serde_json::to_vec(&header).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(super) fn decode(bytes: &Bytes) -> Result<Self, Damage> {
        let end = bytes.iter().take(LONGEST_HEADER).position(|byte| *byte == b'\n');
        let end = end.ok_or(Damage::Damaged("its first line is not whole"))?;
        let line = bytes.slice(..end);
        let unreadable = |_| Damage::Damaged("its first line cannot be read");
        let AnyFormat { format } = serde_json::from_slice(&line).map_err(unreadable)?;
        if format > FORMAT {
            return Err(Damage::Newer(format));
        }
        if format != FORMAT {
            return Err(Damage::Damaged("it names a format that there never was"));
        }
        let header: Header = serde_json::from_slice(&line).map_err(unreadable)?;
        let body = bytes.slice(end + 1..);
        if body.len() != header.length {
            return Err(Damage::Damaged("its length is not the one that was written"));
        }
        if checksum(header.counter, &body) != header.checksum {
            return Err(Damage::Damaged("its checksum does not fit"));
        }
        Ok(Self {
            counter: header.counter,
            body,
        })
    }
}

/// FNV-1a with 64 bits over the counter and the body: <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn checksum(counter: u64, body: &[u8]) -> String {
    let bytes = counter.to_le_bytes().into_iter().chain(body.iter().copied());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let body = Bytes::from_static(b"{\n  \"phase\": \"bake\",\n  \"note\": \"\xc3\xbc\"\n}\n");
        Envelope { counter: 17, body }.encode()
    }

    fn decode(bytes: &[u8]) -> Result<Envelope, Damage> {
        Envelope::decode(&Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn what_was_written_is_read() {
        for body in ["", "\n", "{}", "a\nb\n"] {
            let envelope = Envelope {
                counter: u64::MAX,
                body: body.into(),
            };
            assert_eq!(decode(&envelope.encode()), Ok(envelope));
        }
    }

    #[test]
    fn a_file_that_was_cut_anywhere_is_damaged() {
        let whole = sample();
        for length in 0..whole.len() {
            let read = decode(&whole[..length]);
            assert!(
                matches!(read, Err(Damage::Damaged(_))),
                "cut to {length} bytes: {read:?}"
            );
        }
        let mut longer = whole;
        longer.push(b'\n');
        assert!(decode(&longer).is_err());
    }

    #[test]
    fn a_file_in_which_any_byte_was_changed_is_not_taken() {
        let whole = sample();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                assert!(decode(&changed).is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let newer = "{\"format\":2,\"anything\":[]}\nbody";
        assert_eq!(decode(newer.as_bytes()), Err(Damage::Newer(2)));
    }
}
