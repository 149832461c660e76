//! moto: an AWS that nobody here wrote, as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

/// A server that ends when this is dropped, also when the test fails.
pub(crate) struct Moto {
    process: Child,
    url: String,
}

/// Where `make setup` puts it.
fn program() -> PathBuf {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/moto/bin/moto_server");
    std::env::var_os("BLUEGREEN_MOTO_SERVER").map_or_else(|| beside.into(), PathBuf::from)
}

impl Moto {
    /// Starts it on a free port of loopback.
    pub(crate) fn start() -> Self {
        let mut process = Command::new(program())
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program().display()));
        let said = BufReader::new(process.stderr.take().unwrap());
        let mut moto = Self {
            process,
            url: String::new(),
        };
        let (tell, told) = mpsc::channel();
        // Reads on, so that the server never waits for a reader.
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("Running on ") {
                    let _ = tell.send(url.trim().to_owned());
                }
            }
        });
        let url = told.recv_timeout(Duration::from_mins(1));
        moto.url = url.unwrap_or_else(|_| panic!("moto does not say where it listens"));
        moto
    }

    pub(crate) fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIAFAKEFAKEFAKEFAKE", "no secret", None, None, "moto");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(&self.url)
            .build()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
