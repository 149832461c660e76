//! Reading an HTTP/1.1 answer: as much of the protocol as a load generator needs.

use bluegreen_core::Slot;

/// The longest head that is taken, in bytes.
pub(super) const HEAD_MAX: usize = 16 << 10;

/// What the head of an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) body: BodyLength,
    pub(super) closes: bool,
    pub(super) slot: Option<Slot>,
    /// The header `x-body-length`: what the service has received.
    pub(super) received: Option<usize>,
    /// Where the body begins.
    pub(super) end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyLength {
    Exactly(usize),
    Chunked,
    UntilClosed,
}

/// Reads a head from the beginning of `bytes`. `Ok(None)`: it is not complete.
pub(super) fn head(bytes: &[u8]) -> Result<Option<Head>, String> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > HEAD_MAX {
            Err(format!("a head of more than {HEAD_MAX} bytes"))
        } else {
            Ok(None)
        };
    };
    let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default())
        .map_err(|_| "a head that is not text".to_owned())?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5)?.parse().ok())
        .ok_or_else(|| format!("no HTTP: {first:?}"))?;
    let mut head = Head {
        status,
        body: BodyLength::UntilClosed,
        closes: first.starts_with("HTTP/1.0"),
        slot: None,
        received: None,
        end: end + 4,
    };
    if status == 101 || status == 204 || status == 304 {
        head.body = BodyLength::Exactly(0);
    }
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.parse().map_err(|_| format!("a length of {value:?}"))?;
            head.body = BodyLength::Exactly(length);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.body = BodyLength::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            head.closes = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("x-slot") {
            head.slot = value.parse().ok();
        } else if name.eq_ignore_ascii_case("x-body-length") {
            head.received = value.parse().ok();
        }
    }
    Ok(Some(head))
}

/// Where the last chunk of a body that begins `bytes` ends. `Ok(None)`: it is not complete. Trailers
/// are not taken.
pub(super) fn chunked_end(bytes: &[u8]) -> Result<Option<usize>, String> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(line) = find(rest, b"\r\n") else {
            return Ok(None);
        };
        let size = std::str::from_utf8(rest.get(..line).unwrap_or_default())
            .ok()
            .and_then(|text| usize::from_str_radix(text.split(';').next()?.trim(), 16).ok())
            .ok_or_else(|| "a chunk without a size".to_owned())?;
        at = at.saturating_add(line).saturating_add(size).saturating_add(4);
        if at > bytes.len() {
            return Ok(None);
        }
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_byte_by_byte_and_at_once() {
        let text = b"HTTP/1.1 200 OK\r\nX-Slot: green\r\nContent-Length: 5\r\nconnection: close\r\n\r\nhello";
        let complete = text.len() - 5;
        for end in 0..complete {
            assert_eq!(head(&text[..end]).unwrap(), None);
        }
        let expected = Head {
            status: 200,
            body: BodyLength::Exactly(5),
            closes: true,
            slot: Some(Slot::Green),
            received: None,
            end: complete,
        };
        assert_eq!(head(text).unwrap(), Some(expected));
    }

    #[test]
    fn what_is_no_http_is_an_error() {
        for text in [
            "\r\n\r\n",
            "SSH-2.0\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
        ] {
            assert!(head(text.as_bytes()).is_err(), "{text:?} was taken");
        }
        assert!(head(&vec![b'x'; HEAD_MAX + 1]).is_err());
    }

    #[test]
    fn chunks_end_where_the_empty_one_does() {
        let body = b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n";
        for end in 0..body.len() {
            assert_eq!(chunked_end(&body[..end]).unwrap(), None);
        }
        assert_eq!(chunked_end(body).unwrap(), Some(body.len()));
        assert!(chunked_end(b"hello\r\n").is_err());
        assert_eq!(chunked_end(b"ffffffffffffffff\r\n").unwrap(), None);
    }
}
