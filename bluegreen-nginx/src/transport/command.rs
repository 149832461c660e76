//! nginx on another machine or in a container, reached by a command in front of each program.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use async_trait::async_trait;
use bluegreen_core::Token;
use secrecy::ExposeSecret;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::local::RUN_TIME;
use super::quote::quote;
use super::{Answer, Change, Commit, Committed, Folder, KEPT, LOCK, NewFile, Transport};
use crate::NginxError;
use crate::fence::{Claim, Fence, green_points};

const FENCE_SCRIPT: &str = include_str!("script/fence.sh");
const SWITCH_SCRIPT: &str = include_str!("script/switch.sh");
const FILES_SCRIPT: &str = include_str!("script/files.sh");

/// What separates the answers in curl's output; no control server says it.
const MARK: &str = "\n--bluegreen--";

/// Reaches nginx by a command in front of each program, such as `ssh web1` or `docker exec -i proxy`.
///
/// The other side needs `sh`, `flock`, GNU coreutils, `cmp` and `curl`. Changes are one fixed script
/// under `flock`, with values as its arguments and its input, never in its text; so comparing the
/// token and taking effect are one act there, and a call that is given up here cannot take effect
/// after a newer one.
///
/// ```
/// use bluegreen_nginx::CommandTransport;
///
/// let over_ssh = CommandTransport::ssh(["ssh", "-o", "BatchMode=yes", "web1.example.org"]);
/// let in_a_container = CommandTransport::exec(["docker", "exec", "-i", "proxy"]);
/// # let _ = (over_ssh, in_a_container);
/// ```
#[derive(Debug, Clone)]
pub struct CommandTransport {
    prefix: Vec<String>,
    joins: bool,
}

impl CommandTransport {
    /// A command that joins its arguments and lets the login shell of the other side take them apart,
    /// as ssh does: each is quoted for a POSIX shell.
    pub fn ssh<S: Into<String>>(prefix: impl IntoIterator<Item = S>) -> Self {
        Self {
            prefix: prefix.into_iter().map(Into::into).collect(),
            joins: true,
        }
    }

    /// A command that passes its arguments on as they are, as `docker exec -i`, `sudo -n` or `nsenter` do.
    pub fn exec<S: Into<String>>(prefix: impl IntoIterator<Item = S>) -> Self {
        Self {
            prefix: prefix.into_iter().map(Into::into).collect(),
            joins: false,
        }
    }

    async fn call(&self, argv: &[String], input: &[u8]) -> Result<Output, NginxError> {
        let mut words = self.prefix.clone();
        for word in argv {
            let word = if self.joins {
                quote(word)
            } else {
                Some(word.clone())
            };
            words.push(word.ok_or_else(|| self.failed("an argument holds a NUL byte"))?);
        }
        let (program, arguments) = words.split_first().ok_or_else(|| self.failed("no command"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.failed(&error.to_string()))?;
        let stdin = child.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A program that ends before it has read everything says why itself.
                let _ = stdin.write_all(input).await;
            }
        };
        let both = async { tokio::join!(feed, child.wait_with_output()).1 };
        let lost = |why: String| NginxError::Lost {
            what: "the command",
            why,
        };
        timeout(RUN_TIME, both)
            .await
            .map_err(|_| lost(format!("{} has not ended after {RUN_TIME:?}", self.name())))?
            .map_err(|error| lost(error.to_string()))
    }

    fn name(&self) -> String {
        self.prefix.join(" ")
    }

    fn failed(&self, output: &str) -> NginxError {
        NginxError::Program {
            program: self.name(),
            output: output.to_owned(),
        }
    }

    // For calls that only read, a lost connection is no more than an answer that did not come.
    async fn ask(&self, argv: &[String]) -> Result<Output, NginxError> {
        let unreachable = |why: String| NginxError::Unreachable {
            url: self.name(),
            why,
        };
        match self.call(argv, b"").await {
            Err(NginxError::Lost { why, .. }) => Err(unreachable(why)),
            Ok(output) if is_lost(&output) => Err(unreachable(said(&output.stderr))),
            other => other,
        }
    }
}

#[async_trait]
impl Transport for CommandTransport {
    async fn read(&self, path: &Path) -> Result<Option<String>, NginxError> {
        let output = self
            .ask(&words([
                "env",
                "LC_ALL=C",
                "cat",
                "--",
                &path.display().to_string(),
            ]))
            .await?;
        if output.status.success() {
            return String::from_utf8(output.stdout)
                .map(Some)
                .map_err(|error| self.failed(&error.to_string()));
        }
        let why = said(&output.stderr);
        if why.contains("No such file") || why.contains("No such process") {
            return Ok(None);
        }
        Err(NginxError::io("read", path)(as_io(&why)))
    }

    async fn run(&self, argv: &[String]) -> Result<String, NginxError> {
        let output = self.ask(argv).await?;
        if !output.status.success() {
            return Err(self.failed(&format!(
                "{}: {}: {}",
                argv.join(" "),
                output.status,
                said(&output.stderr)
            )));
        }
        String::from_utf8(output.stdout).map_err(|error| self.failed(&error.to_string()))
    }

    async fn get(&self, urls: &[String]) -> Result<Vec<Answer>, NginxError> {
        let ending = format!("{MARK}%{{http_code}}\\n");
        let mut argv = words([
            "curl",
            "-q",
            "-sS",
            "--noproxy",
            "*",
            "--fail-early",
            "--max-time",
            "5",
            "-H",
            "Connection: close",
            "-w",
            &ending,
            "--",
        ]);
        argv.extend(urls.iter().cloned());
        let output = self.ask(&argv).await?;
        let url = || urls.first().cloned().unwrap_or_default();
        if !output.status.success() {
            return Err(NginxError::Unreachable {
                url: url(),
                why: said(&output.stderr),
            });
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let answers = parse_answers(&text);
        if answers.len() == urls.len() {
            Ok(answers)
        } else {
            Err(NginxError::Unreadable {
                url: url(),
                found: format!("{} answers of {}", answers.len(), urls.len()),
            })
        }
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, NginxError> {
        let directory = commit.directory.display().to_string();
        self.run(&words(["mkdir", "-p", "--", &directory]))
            .await
            .map_err(|error| match error {
                NginxError::Program { output, .. } => NginxError::io("create", &directory)(as_io(&output)),
                other => other,
            })?;
        let lock = commit.directory.join(LOCK);
        let (script, arguments, input) = match &commit.change {
            Change::Switch(folder) => switching("switch", folder),
            Change::Rehearse(folder) => switching("rehearse", folder),
            Change::Files { files, test } => replacing(files, test),
        };
        let mut argv = words(["env", "LC_ALL=C", "flock", "-E", "75", "-w"]);
        argv.push(format!("{:.2}", commit.patience.as_secs_f64()));
        argv.push(lock.display().to_string());
        argv.extend(words([
            "sh",
            "-c",
            &format!("{FENCE_SCRIPT}{script}"),
            "bluegreen",
            &directory,
        ]));
        argv.extend(claimed(commit.claim.as_ref())?);
        argv.extend(arguments);
        let output = self.call(&argv, &input).await?;
        outcome(&output, commit, lock)
    }
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

// A shell compares signed numbers of 64 bits.
fn claimed(claim: Option<&Claim>) -> Result<Vec<String>, NginxError> {
    let Some(Claim { token, split }) = claim else {
        return Ok(words(["-", "-", "-"]));
    };
    let fits = |number: u64| i64::try_from(number).map(|number| number.to_string());
    let (Ok(epoch), Ok(seq)) = (fits(token.epoch), fits(token.seq)) else {
        return Err(NginxError::Program {
            program: "sh".to_owned(),
            output: format!("cannot compare token {token}"),
        });
    };
    let split = split.map_or_else(|| "-".to_owned(), |split| green_points(split).to_string());
    Ok(vec![epoch, seq, split])
}

fn switching(mode: &str, folder: &Folder) -> (&'static str, Vec<String>, Vec<u8>) {
    let mut markers = folder.markers.clone();
    markers.sort();
    let mut input = markers.join("\n");
    if !markers.is_empty() {
        input.push('\n');
    }
    (
        SWITCH_SCRIPT,
        words([mode, &folder.state, &KEPT.to_string()]),
        input.into_bytes(),
    )
}

fn replacing(files: &[NewFile], test: &[String]) -> (&'static str, Vec<String>, Vec<u8>) {
    let mut arguments = vec![files.len().to_string()];
    let mut input = Vec::new();
    for file in files {
        let content = file
            .content
            .as_ref()
            .map(|content| content.expose_secret().as_bytes());
        arguments.push(file.path.display().to_string());
        arguments.push(format!("{:o}", file.mode));
        arguments.push(content.map_or_else(|| "-".to_owned(), |content| content.len().to_string()));
        input.extend_from_slice(content.unwrap_or_default());
    }
    arguments.extend_from_slice(test);
    (FILES_SCRIPT, arguments, input)
}

fn outcome(output: &Output, commit: &Commit, lock: PathBuf) -> Result<Committed, NginxError> {
    let said_out = said(&output.stdout);
    let said_err = said(&output.stderr);
    let lost = |why: &str| {
        Err(NginxError::Lost {
            what: "the change",
            why: why.to_owned(),
        })
    };
    let held = || Fence::parse(&said_out, &commit.directory);
    match output.status.code() {
        Some(0) => {
            let mut lines = said_out.lines();
            match lines.next() {
                Some("changed") => Ok(Committed {
                    changed: true,
                    repaired: lines.next().filter(|line| !line.is_empty()).map(str::to_owned),
                }),
                Some("unchanged") => Ok(Committed {
                    changed: false,
                    repaired: None,
                }),
                _ => lost("the script ended without saying what it did"),
            }
        }
        Some(73) => Err(NginxError::Fenced {
            sent: commit.claim.map_or(Token::default(), |claim| claim.token),
            held: held()?.token,
        }),
        Some(74) => held().and_then(|held| {
            Err(NginxError::TokenReused {
                token: held.token,
                held: held.split,
            })
        }),
        Some(75) => Err(NginxError::Busy { lock }),
        Some(76) => {
            let (path, found) = said_out.split_once('\n').unwrap_or((&said_out, "something else"));
            Err(NginxError::Foreign {
                path: path.into(),
                found: found.to_owned(),
            })
        }
        Some(77) => Err(NginxError::Refused { output: said_out }),
        Some(78) => lost(&said_err),
        Some(126 | 127) => Err(NginxError::Program {
            program: "the other side".to_owned(),
            output: said_err,
        }),
        Some(code) if !is_lost(output) && code < 128 => {
            Err(NginxError::io("change", &commit.directory)(as_io(&said_err)))
        }
        _ => lost(&said_err),
    }
}

// ssh says 255 for its own failures; a program that was ended by a signal says nothing.
fn is_lost(output: &Output) -> bool {
    matches!(output.status.code(), None | Some(255))
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn as_io(text: &str) -> io::Error {
    let kinds = [
        ("No space left", io::ErrorKind::StorageFull),
        ("Disk quota", io::ErrorKind::QuotaExceeded),
        ("Permission denied", io::ErrorKind::PermissionDenied),
        ("Read-only file system", io::ErrorKind::ReadOnlyFilesystem),
        ("No such file", io::ErrorKind::NotFound),
    ];
    let kind = kinds
        .iter()
        .find(|(words, _)| text.contains(words))
        .map_or(io::ErrorKind::Other, |(_, kind)| *kind);
    io::Error::new(kind, text.to_owned())
}

fn parse_answers(text: &str) -> Vec<Answer> {
    let mut rest = text;
    let mut answers = Vec::new();
    while let Some((body, after)) = rest.split_once(MARK) {
        let (status, after) = after.split_once('\n').unwrap_or((after, ""));
        answers.push(Answer::new(status.parse().unwrap_or(0), body));
        rest = after;
    }
    answers
}
