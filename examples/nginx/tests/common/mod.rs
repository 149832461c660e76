//! The real binary, and the demo's world around it.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![allow(dead_code, reason = "each test file takes what it needs")]

pub(crate) mod second;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_bluegreen-nginx");

/// What the program said and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn said(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.out.contains(part) || self.err.contains(part),
                "{part:?} is missing in {self:#?}"
            );
        }
        self
    }
}

/// The program with a configuration, in the name of a test, without what the user's shell has set.
pub(crate) fn program(config: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("--config")
        .arg(config)
        .args(arguments)
        .env("USER", "tester")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running demo world. Dropped, it stops everything that it started.
pub(crate) struct World {
    child: Child,
    stdin: Option<ChildStdin>,
    pub(crate) config: PathBuf,
    /// Held open: the program goes on writing.
    _out: BufReader<ChildStdout>,
}

impl World {
    /// Set up and installed.
    pub(crate) fn start() -> Self {
        let world = Self::not_installed();
        world.run(&["init", "--live", "blue"]).ended_with(0);
        world
    }

    /// Set up; nginx knows nothing of it yet.
    pub(crate) fn not_installed() -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["demo", "--hands-on"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        Self {
            child,
            stdin,
            config: line.trim().into(),
            _out: out,
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut program(&self.config, arguments))
    }

    /// With another text in its configuration.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        fs::write(&self.config, text.replacen(from, to, 1)).unwrap();
    }

    /// Begins a command and reads on until it says something.
    pub(crate) fn until(&self, arguments: &[&str], said: &str) -> Begun {
        let mut child = program(&self.config, arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains(said) {
            assert!(
                out.read_line(&mut text).unwrap() > 0,
                "{said:?} was never said: {text}"
            );
        }
        Begun { child, out, text }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// A command that goes on. Dropped, it is killed.
pub(crate) struct Begun {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    text: String,
}

impl Begun {
    pub(crate) fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.child.id().cast_signed())
    }

    /// Like `kill -9`.
    pub(crate) fn kill(mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }

    pub(crate) fn finished(mut self) -> Ran {
        let mut err = String::new();
        self.out.read_to_string(&mut self.text).unwrap();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        Ran {
            code: self.child.wait().unwrap().code(),
            out: std::mem::take(&mut self.text),
            err,
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
