//! The rendered files as they are reviewed, in `golden/`. After a wanted change, write the text that
//! the failing test prints over the file.

use bluegreen_core::Share;

use super::*;
use crate::{Buckets, Counting, FallbackKey, Key, Override, Upstream};

const SECRET: &str = "golden-secret-0123456789";

fn config() -> NginxConfig {
    let mut config = NginxConfig::new(
        "shop",
        "/var/lib/bluegreen/shop",
        "127.0.0.1:9180".parse().unwrap(),
    );
    let mut web = Upstream::new("web", ["127.0.0.1:8081"], ["127.0.0.1:8082"]);
    web.keepalive = 32;
    let api = Upstream::new(
        "api",
        ["10.0.0.1:80", "10.0.0.2:80"],
        ["unix:/run/api-green.sock"],
    );
    config.upstreams = vec![web, api];
    config.key = Key::Cookie {
        name: "session".to_owned(),
        fallback: FallbackKey::Address,
    };
    config.override_ = Some(Override::header("X-Bluegreen", SECRET.into()));
    config
}

fn green(percent: &str) -> Split {
    Split::with(Slot::Green, percent.parse::<Share>().unwrap())
}

#[track_caller]
fn is_golden(name: &str, text: &SecretString, golden: &str) {
    let text = text.expose_secret();
    assert!(text == golden, "golden/{name} should be:\n{text}");
}

#[test]
fn the_files_of_the_bucket_router_are_as_reviewed() {
    let rendered = buckets(&config(), Slot::Blue);
    is_golden(
        "buckets.http",
        &rendered.http,
        include_str!("golden/buckets.http"),
    );
    is_golden(
        "buckets.server",
        &rendered.server,
        include_str!("golden/buckets.server"),
    );
}

#[test]
fn the_files_of_the_reload_router_are_as_reviewed() {
    let rendered = reload(&config(), green("2.5%"));
    is_golden("reload.http", &rendered.http, include_str!("golden/reload.http"));
    is_golden(
        "reload.server",
        &rendered.server,
        include_str!("golden/reload.server"),
    );
}

#[test]
fn a_share_of_nothing_is_left_out_because_nginx_refuses_it() {
    for (percent, drawn) in [
        ("0%", "    * blue;"),
        ("100%", "    * green;"),
        ("0.01%", "    0.01% green;\n    * blue;"),
    ] {
        let text = reload(&config(), green(percent)).http;
        let text = text.expose_secret();
        assert!(
            text.contains(&format!("_mark {{\n{drawn}\n}}")),
            "{percent}: {text}"
        );
        assert!(!text.contains(" 0% "));
    }
}

#[test]
fn every_bucket_has_its_share_and_its_name() {
    for (size, share, last) in [(Buckets::Hundred, "1%", "99"), (Buckets::Thousand, "0.1%", "999")] {
        let mut config = config();
        config.buckets = size;
        let text = buckets(&config, Slot::Blue).http;
        let shares = text.expose_secret().matches(&format!("    {share} ")).count();
        assert_eq!(shares, usize::from(size.count()) - 1);
        assert!(text.expose_secret().contains(&format!("    * {last};\n")));
    }
}

#[test]
fn the_live_slot_is_read_back_from_the_file() {
    for live in Slot::BOTH {
        assert_eq!(
            recorded_live(buckets(&config(), live).http.expose_secret()),
            Some(live)
        );
    }
    assert_eq!(recorded_live("server {}"), None);
}

#[test]
fn the_digest_follows_everything_but_the_secret() {
    let digest = |change: &dyn Fn(&mut NginxConfig)| {
        let mut config = config();
        change(&mut config);
        buckets(&config, Slot::Blue).digest
    };
    let base = digest(&|_| {});
    assert_eq!(
        digest(&|c| c.override_ = Some(Override::header("X-Bluegreen", "another-secret-0123".into()))),
        base
    );
    for (what, other) in [
        ("key", digest(&|c| c.key = Key::Address)),
        ("buckets", digest(&|c| c.buckets = Buckets::Thousand)),
        ("server", digest(&|c| c.upstreams[0].green[0].push('1'))),
        ("counting", digest(&|c| c.counting = Counting::Off)),
        ("live", buckets(&config(), Slot::Green).digest),
    ] {
        assert_ne!(other, base, "{what}");
    }
}

#[test]
fn the_secret_is_in_the_file_for_http_only_and_in_no_debug_text() {
    for rendered in [buckets(&config(), Slot::Blue), reload(&config(), green("5%"))] {
        assert!(rendered.http.expose_secret().contains(SECRET));
        assert!(!rendered.server.expose_secret().contains(SECRET));
        assert!(!format!("{rendered:?}").contains(SECRET));
        assert!(!format!("{:?}", config()).contains(SECRET));
    }
}
