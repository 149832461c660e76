//! Gates that send requests, run commands and read numbers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bluegreen_core::command::{CommandContext, Secrets};
use bluegreen_core::gate::{GateParts, build};
use bluegreen_core::plan::GateSpec;
use bluegreen_core::{FaultKind, ServiceName, Slot};
use bluegreen_testkit::conformance::gate::{GateSubject, SlotState};
use bluegreen_testkit::fakes::{Behaviour, CallLog, FakeMetrics, MetricsCall};

const SECRET: &str = "hunter2-and-more";

fn parts(urls: impl Fn(Slot) -> String) -> GateParts {
    let variables = |slot| (slot, BTreeMap::from([("url".to_owned(), urls(slot))]));
    let context = CommandContext::new(ServiceName::new("shop").unwrap())
        .slots(Slot::BOTH.map(variables).into())
        .secrets(Secrets::new().with("token", SECRET));
    GateParts::new(context)
}

fn spec(text: &str) -> GateSpec {
    toml::from_str(&format!("name = \"api\"\n{text}")).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[cfg(feature = "http")]
mod http {
    use std::net::SocketAddr;
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    use super::*;

    /// A slot that is as it is told, at an address that stays. It repeats the secret that it was sent.
    pub(super) struct Served {
        pub(super) address: SocketAddr,
        state: Arc<Mutex<SlotState>>,
        serving: Mutex<Option<JoinHandle<()>>>,
    }

    impl Served {
        pub(super) async fn start() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let served = Self {
                address: listener.local_addr().unwrap(),
                state: Arc::new(Mutex::new(SlotState::Good)),
                serving: Mutex::default(),
            };
            served.serve(listener);
            served
        }

        fn serve(&self, listener: TcpListener) {
            let state = Arc::clone(&self.state);
            let serving = tokio::spawn(async move {
                while let Ok((connection, _)) = listener.accept().await {
                    let state = *state.lock().unwrap();
                    tokio::spawn(answer(connection, state));
                }
            });
            *self.serving.lock().unwrap() = Some(serving);
        }

        pub(super) async fn set(&self, state: SlotState) -> bool {
            *self.state.lock().unwrap() = state;
            let serving = self.serving.lock().unwrap().take();
            if let Some(serving) = serving {
                serving.abort();
                let _ = serving.await;
            }
            match state {
                SlotState::Silent | SlotState::Unmeasurable => return false,
                SlotState::Refusing => {}
                _ => self.serve(TcpListener::bind(self.address).await.unwrap()),
            }
            true
        }
    }

    impl Drop for Served {
        fn drop(&mut self) {
            if let Some(serving) = self.serving.lock().unwrap().take() {
                serving.abort();
            }
        }
    }

    async fn answer(mut connection: TcpStream, state: SlotState) {
        let mut request = vec![0; 4096];
        let _ = connection.read(&mut request).await;
        let (status, word) = match state {
            SlotState::Good => ("200 OK", "ok".to_owned()),
            SlotState::Endless => ("200 OK", format!("{SECRET} ").repeat(50_000)),
            SlotState::Hanging => std::future::pending().await,
            _ => ("503 Service Unavailable", format!("down, {SECRET}")),
        };
        let body = format!("{{\"status\": \"{word}\"}}");
        let head: String = word.chars().take(8_000).collect();
        let answer = format!(
            "HTTP/1.1 {status}\r\nx-status: {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = connection.write_all(answer.as_bytes()).await;
    }

    bluegreen_testkit::gate_conformance!(async || {
        let [blue, green] = [Served::start().await, Served::start().await];
        let parts = parts(|slot| match slot {
            Slot::Blue => format!("http://{}", blue.address),
            Slot::Green => format!("http://{}", green.address),
        });
        let spec = spec(
            "timeout = '1m'\n[[http]]\nurl = '{url}/health?key=1'\nheaders = { authorization = { secret = 'token' } }\n\
             json = { '/status' = 'ok' }\ncontains = ['ok']\nanswer_headers = { x-status = 'ok' }",
        );
        GateSubject::of(build(&spec, &parts).unwrap())
            .budget(Duration::from_secs(2))
            .secret(SECRET)
            .states(async move |slot, state| match slot {
                Slot::Blue => blue.set(state).await,
                Slot::Green => green.set(state).await,
            })
    });
}

#[cfg(feature = "http")]
mod scenario {
    use super::*;

    bluegreen_testkit::gate_conformance!(async || {
        let [blue, green] = [http::Served::start().await, http::Served::start().await];
        let parts = parts(|slot| match slot {
            Slot::Blue => format!("http://{}", blue.address),
            Slot::Green => format!("http://{}", green.address),
        });
        let spec = spec(
            "timeout = '1m'\n[scenario]\nvalues = { token = { secret = 'token' } }\nclean_up_time = '300ms'\n\
             steps = [{ name = 'a', http = { url = '{url}/a/{token}', headers = { authorization = '{token}' }, \
             json = { '/status' = 'ok' } }, take = { status = { json = '/status' } } }]\n\
             clean_up = [{ name = 'b', http = { url = '{url}/b?{token}', contains = ['ok'] } }]",
        );
        GateSubject::of(build(&spec, &parts).unwrap())
            .budget(Duration::from_secs(2))
            .secret(SECRET)
            .states(async move |slot, state| match slot {
                Slot::Blue => blue.set(state).await,
                Slot::Green => green.set(state).await,
            })
    });
}

mod command {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// The program that checks a slot, as it is told.
    fn write(folder: &Path, slot: Slot, state: SlotState) -> bool {
        let program = folder.join(format!("check-{slot}"));
        let body = match state {
            SlotState::Good => "echo fine",
            SlotState::Bad => "echo \"$TOKEN\" >&2; exit 1",
            SlotState::Refusing => "echo connection refused; exit 7",
            SlotState::Hanging => "sleep 60",
            SlotState::Silent => "exit 75",
            SlotState::Endless => "yes \"$TOKEN\" | head -c 1000000; exit 1",
            SlotState::Unmeasurable => {
                std::fs::remove_file(program).unwrap();
                return true;
            }
            _ => return false,
        };
        // Beside, and renamed then: a program that is being written cannot be run.
        let beside = folder.join(format!("new-{slot}"));
        std::fs::write(&beside, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(beside, program).unwrap();
        true
    }

    bluegreen_testkit::gate_conformance!(async || {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().to_owned();
        for slot in Slot::BOTH {
            write(&path, slot, SlotState::Good);
        }
        let text = format!(
            "timeout = '1m'\ncommand = {{ run = ['{}/check-{{slot}}'], env = {{ TOKEN = {{ secret = 'token' }} }} }}",
            path.display()
        );
        GateSubject::of(build(&spec(&text), &parts(|_| String::new())).unwrap())
            .budget(Duration::from_secs(4))
            .secret(SECRET)
            .states(async move |slot, state| write(&path, slot, state))
            .guard(folder)
    });
}

mod metric {
    use super::*;

    bluegreen_testkit::gate_conformance! {
        #[tokio::test(start_paused = true)]
        async fn subject() -> GateSubject {
            let metrics = FakeMetrics::new("scrape", &CallLog::default());
            for slot in Slot::BOTH {
                metrics.set("errors", slot, 0.001);
            }
            let parts = parts(|_| String::new()).metrics(Arc::new(metrics.clone()));
            let spec = spec("timeout = '1m'\nmetric = { name = 'errors', max = 0.01 }");
            GateSubject::of(build(&spec, &parts).unwrap()).states(async move |slot, state| {
                match state {
                    SlotState::Good => metrics.set("errors", slot, 0.001),
                    SlotState::Bad => metrics.set("errors", slot, 0.5),
                    SlotState::Silent => metrics.set("errors", slot, None),
                    SlotState::Hanging => metrics.script(MetricsCall::Read, [Behaviour::Hang]),
                    SlotState::Unmeasurable => {
                        let fault = Behaviour::Fault(FaultKind::Unavailable { retry_after: None });
                        metrics.script(MetricsCall::Read, [fault]);
                    }
                    _ => return false,
                }
                true
            })
        }
    }
}
