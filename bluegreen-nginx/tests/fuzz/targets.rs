//! What others say or leave behind, and what has to hold whatever it is. Called from tests with damaged
//! texts, and by the fuzzer with whatever it finds.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::{Op, Router, Slot, Split, Token, Verification};
use bluegreen_nginx::{
    Answer, BucketRouter, Change, Claim, Commit, Committed, Folder, LocalTransport, NginxConfig, NginxError,
    Transport, Upstream,
};

/// A machine on which every file and every answer is the same text.
#[derive(Debug)]
struct Echo {
    status: u16,
    text: String,
}

#[async_trait]
impl Transport for Echo {
    async fn read(&self, _: &Path) -> Result<Option<String>, NginxError> {
        Ok(Some(self.text.clone()))
    }

    async fn run(&self, _: &[String]) -> Result<String, NginxError> {
        Ok(self.text.clone())
    }

    async fn get(&self, urls: &[String]) -> Result<Vec<Answer>, NginxError> {
        Ok(urls
            .iter()
            .map(|_| Answer::new(self.status, self.text.clone()))
            .collect())
    }

    async fn commit(&self, _: &Commit) -> Result<Committed, NginxError> {
        Err(NginxError::Interrupted)
    }
}

fn config() -> NginxConfig {
    let mut config = NginxConfig::new("shop", "/nowhere/split", "127.0.0.1:9180".parse().unwrap());
    config.upstreams = vec![Upstream::new("web", ["127.0.0.1:8081"], ["127.0.0.1:8082"])];
    config
}

fn op() -> Op {
    Op::new(Token { epoch: 1, seq: 1 }, "fuzz", Duration::from_secs(1))
}

/// Stands in texts for the digest of the configuration that this router renders.
pub(crate) const DIGEST: &str = "0123456789abcdef";

/// What that digest is: the router says what it expects.
fn digest() -> &'static str {
    static FOUND: OnceLock<String> = OnceLock::new();
    FOUND.get_or_init(|| {
        let text = format!("config={DIGEST}\nlive=blue\nfolder=ready\nmarked=\n");
        let router = BucketRouter::new(config(), Arc::new(Echo { status: 200, text })).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let verified = runtime.block_on(router.verify(&op(), Split::all(Slot::Blue)));
        let Ok(Verification::Unknown { why }) = verified else {
            panic!("{verified:?}")
        };
        let mut words = why.split(|letter: char| !letter.is_ascii_alphanumeric());
        let is_digest = |word: &&str| word.len() == DIGEST.len() && *word != DIGEST;
        words.find(is_digest).unwrap().to_owned()
    })
}

/// nginx's answers: no two splits are live at once, whatever it says.
pub(crate) fn answers(data: &[u8]) {
    let _ = live_by(data);
}

/// The slots that the router takes for live, by answers of the good status.
pub(crate) fn live_by(data: &[u8]) -> Vec<Slot> {
    let Ok(text) = std::str::from_utf8(data) else {
        return Vec::new();
    };
    let text = text.replace(DIGEST, digest());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut believed = Vec::new();
    for status in [503, 204, 200] {
        let echo = Arc::new(Echo {
            status,
            text: text.clone(),
        });
        believed = runtime.block_on(async {
            let router = BucketRouter::new(config(), echo).unwrap();
            let observed = router.observe(&op()).await;
            let mut live = Vec::new();
            for slot in Slot::BOTH {
                let verified = router.verify(&op(), Split::all(slot)).await.unwrap();
                if matches!(verified, Verification::Live { .. }) {
                    live.push(slot);
                }
                let _ = router.in_flight(&op(), slot).await;
                assert!(router.stage(&op(), slot).await.is_err());
            }
            assert!(live.len() <= 1, "{live:?}");
            if let ([live], Ok(observed)) = (live.as_slice(), &observed) {
                assert_eq!(observed.split, Split::all(*live));
            }
            assert!(router.install(None).await.is_err());
            live
        });
    }
    believed
}

/// The file of the fence: where it cannot be read nobody acts, and it stays as it is.
pub(crate) fn fence(data: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let fence = folder.path().join("fence");
    std::fs::write(&fence, data).unwrap();
    let split = Split::all(Slot::Green);
    let commit = Commit {
        directory: folder.path().to_owned(),
        claim: Some(Claim::of(Token { epoch: 2, seq: 5 }, split)),
        change: Change::Switch(Folder {
            markers: vec!["0".to_owned()],
            state: "green=10000\nof=100\nmarked=1\n".to_owned(),
        }),
        patience: Duration::from_secs(1),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = runtime.block_on(async { LocalTransport::new().unwrap().commit(&commit).await });
    let now = std::fs::read(&fence).unwrap();
    if done.is_err() {
        assert_eq!(now, data);
        assert!(!folder.path().join("current").exists());
    } else {
        assert_eq!(now, b"2 5 10000\n");
    }
}
