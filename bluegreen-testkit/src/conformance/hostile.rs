//! Texts in which a terminal, a shell, a chat or a format sees something.

/// Each of them may stand in a message, a label, a name that people gave.
pub(super) const HOSTILE: &[&str] = &[
    "",
    "\u{1b}[2J\u{1b}]0;pwned\u{7}",
    "$(touch pwned) `id` ; rm -rf / #",
    "\"}],\"text\":\"pwned\",\"x\":[{\"",
    "<!channel> <@U123> <https://example.invalid|click> @everyone",
    "<script>alert(1)</script> & </td>",
    "line\r\nBcc: everybody\r\n\r\nsecond\u{2028}third",
    "\0 \u{feff} \u{202e}drawkcab 🟦🟩 ü ﷽",
    "%s %n {0} {slot} {{slot}} ${HOME}",
    "--help",
];
