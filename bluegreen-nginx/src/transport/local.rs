//! nginx on this machine.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Answer, Commit, Committed, Transport, disk};
use crate::NginxError;

/// How long one question to the control server may take.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// How long a program such as `nginx -t` may take.
pub(super) const RUN_TIME: Duration = Duration::from_mins(1);

/// nginx on this machine: its files through the file system, its processes as children.
#[derive(Debug, Clone, Default)]
pub struct LocalTransport {
    client: reqwest::Client,
}

impl LocalTransport {
    /// A transport to this machine.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new() -> Result<Self, NginxError> {
        // Fresh connections: an idle one would ask the same worker again and again, or an old one.
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(ANSWER_TIME)
            .build()
            .map_err(|error| NginxError::Program {
                program: "HTTP client".to_owned(),
                output: error.to_string(),
            })?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Transport for LocalTransport {
    async fn read(&self, path: &Path) -> Result<Option<String>, NginxError> {
        match tokio::fs::read_to_string(path).await {
            Ok(text) => Ok(Some(text)),
            // A process that has ended between two looks answers ESRCH (not a kind of its own).
            Err(gone) if gone.kind() == io::ErrorKind::NotFound || gone.raw_os_error() == Some(3) => Ok(None),
            Err(source) => Err(NginxError::io("read", path)(source)),
        }
    }

    async fn run(&self, argv: &[String]) -> Result<String, NginxError> {
        let output = run(argv).await?;
        String::from_utf8(output).map_err(|error| failed(argv, error.to_string()))
    }

    async fn get(&self, urls: &[String]) -> Result<Vec<Answer>, NginxError> {
        let mut answers = Vec::with_capacity(urls.len());
        for url in urls {
            let unreachable = |error: reqwest::Error| NginxError::Unreachable {
                url: url.clone(),
                why: chain(&error.without_url()),
            };
            let response = self.client.get(url).send().await.map_err(unreachable)?;
            let status = response.status().as_u16();
            let body = response.text().await.map_err(unreachable)?;
            answers.push(Answer { status, body });
        }
        Ok(answers)
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, NginxError> {
        let commit = commit.clone();
        tokio::task::spawn_blocking(move || disk::commit(&commit))
            .await
            .map_err(|_| NginxError::Interrupted)?
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        text.push_str(": ");
        text.push_str(&source.to_string());
        below = source.source();
    }
    text
}

fn failed(argv: &[String], output: String) -> NginxError {
    NginxError::Program {
        program: argv.join(" "),
        output,
    }
}

async fn run(argv: &[String]) -> Result<Vec<u8>, NginxError> {
    let (program, arguments) = argv
        .split_first()
        .ok_or_else(|| failed(argv, "no program".to_owned()))?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(RUN_TIME, child)
        .await
        .map_err(|_| failed(argv, format!("not ended after {RUN_TIME:?}")))?
        .map_err(|error| failed(argv, error.to_string()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(failed(
        argv,
        format!(
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        ),
    ))
}
