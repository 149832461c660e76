//! Quoting for programs that join their arguments and let a shell take them apart again, as ssh does.

/// One word for a POSIX shell, whatever characters it holds. None for a NUL byte, which no argument
/// can hold.
///
/// Everything stands in single quotes, where nothing has a meaning but the quote itself.
pub(super) fn quote(word: &str) -> Option<String> {
    if word.contains('\0') {
        return None;
    }
    Some(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_gives_back_each_word_as_it_was() {
        let words = [
            "", " ", "a b", "'", "''", "\"", "$HOME", "`id`", "$(id)", "a\nb", "\\", "\\'", "!", "*", "~",
            "-n", "#", "ü", "a;b", "&&", "\t", "{a,b}", "%s", "=x",
        ];
        for word in words {
            let script = format!("printf %s {}", quote(word).unwrap());
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{script}");
        }
    }

    #[test]
    fn a_nul_byte_is_refused() {
        assert_eq!(quote("a\0b"), None);
    }
}
