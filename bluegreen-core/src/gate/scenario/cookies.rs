//! The cookies of one run.

use cookie_store::CookieStore;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};

/// A cookie's value from this length on is taken for a secret. Shorter ones are settings, and hiding
/// them would spoil the evidence.
const SECRET_FROM: usize = 8;

/// Keeps cookies as a browser does (RFC 6265), as if every connection were secure.
#[derive(Default)]
pub(super) struct Cookies(CookieStore);

impl Cookies {
    /// Keeps what an answer sets, and gives the values that are not to be shown.
    pub(super) fn keep(&mut self, from: &Url, headers: &HeaderMap) -> Vec<String> {
        let from = secure(from);
        let mut secrets = Vec::new();
        for text in headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
        {
            // Not `store_response_cookies`, which writes values to the log.
            let _ = self.0.parse(text, &from);
            let value = text.split(';').next().and_then(|pair| pair.split_once('='));
            let value = value.map_or("", |(_, value)| value.trim().trim_matches('"'));
            if value.len() >= SECRET_FROM {
                secrets.push(value.to_owned());
            }
        }
        secrets
    }

    /// The header for a request.
    pub(super) fn header(&self, to: &Url) -> Option<HeaderValue> {
        let to = secure(to);
        let pairs = self.0.get_request_values(&to);
        let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
        let mut header = HeaderValue::from_str(&pairs.join("; ")).ok()?;
        header.set_sensitive(true);
        (!pairs.is_empty()).then_some(header)
    }
}

/// The same address over TLS.
fn secure(url: &Url) -> Url {
    let mut url = url.clone();
    // Between http and https it can always be changed.
    let _ = url.set_scheme("https");
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(set: &[&str], to: &str) -> (String, Vec<String>) {
        let mut headers = HeaderMap::new();
        for text in set {
            headers.append(SET_COOKIE, text.parse().unwrap());
        }
        let mut cookies = Cookies::default();
        let secrets = cookies.keep(&"http://10.0.0.5:8081/app/login".parse().unwrap(), &headers);
        let header = cookies.header(&to.parse().unwrap());
        let header = header.map(|header| header.to_str().unwrap().to_owned());
        (header.unwrap_or_default(), secrets)
    }

    #[test]
    fn cookies_go_back_where_they_belong() {
        let there = "http://10.0.0.5:8081/app/orders";
        for (set, to, expected) in [
            (&["a=1"][..], there, "a=1"),
            (&["a=1; Secure; HttpOnly; SameSite=Strict"], there, "a=1"),
            (&["a=1", "a=2"], there, "a=2"),
            (&["a=1", "a=; Max-Age=0"], there, ""),
            (&["a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT"], there, ""),
            (&["a=1; Path=/admin"], there, ""),
            (&["a=1; Path=/"], "http://10.0.0.5:8081/", "a=1"),
            (&["a=1"], "http://10.0.0.5:8081/", ""),
            (&["a=1"], "http://10.0.0.6:8081/app/", ""),
            (&["a=1; Domain=example.org"], there, ""),
            (&["", ";", "=", "no cookie at all", "a=1;=;;;"], there, "a=1"),
        ] {
            assert_eq!(after(set, to).0, expected, "{set:?} to {to}");
        }
    }

    #[test]
    fn the_value_of_a_session_is_a_secret_and_a_setting_is_none() {
        let set = [
            "session=0123456789; HttpOnly",
            "theme=dark",
            "q=\"quoted-and-long\"",
        ];
        assert_eq!(
            after(&set, "http://10.0.0.5/").1,
            ["0123456789", "quoted-and-long"]
        );
    }
}
