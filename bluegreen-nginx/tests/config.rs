//! What a configuration may be, and how one says what is wrong with it.

use bluegreen_core::{Decides, Fencing, Granularity, Router, Slot, Split};
use bluegreen_nginx::{
    BucketRouter, Buckets, Counting, FallbackKey, Key, LocalTransport, NginxConfig, Override, OverrideBy,
    Upstream,
};
use secrecy::ExposeSecret;
use std::sync::Arc;

const COMPLETE: &str = r#"
name = "shop"
directory = "/var/lib/bluegreen/shop"
control = "127.0.0.1:9180"
http_include = "/etc/nginx/conf.d/bluegreen-shop.conf"
server_include = "/etc/nginx/bluegreen/shop.server"
nginx = ["nginx", "-c", "/etc/nginx/nginx.conf"]
pid_file = "/run/nginx.pid"
buckets = 1000
counting = "dry_run"
reload_timeout = "30s"
key = { cookie = { name = "session", fallback = "request_id" } }
override = { header = "X-Bluegreen", secret = "0123456789abcdef" }

[[upstreams]]
name = "web"
blue = ["127.0.0.1:8081", "[::1]:8081"]
green = ["unix:/run/green.sock"]
keepalive = 32
"#;

#[test]
fn a_complete_configuration_is_read() {
    let config: NginxConfig = toml::from_str(COMPLETE).unwrap();
    config.check().unwrap();
    assert_eq!(config.buckets, Buckets::Thousand);
    assert_eq!(config.counting, Counting::DryRun);
    assert_eq!(
        config.key,
        Key::Cookie {
            name: "session".to_owned(),
            fallback: FallbackKey::RequestId
        }
    );
    let key = config.override_.as_ref().unwrap();
    assert_eq!(key.by, OverrideBy::Header("X-Bluegreen".to_owned()));
    assert_eq!(key.value(Slot::Green).expose_secret(), "0123456789abcdef.green");
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}

#[test]
fn a_short_one_gets_the_defaults() {
    let text = "name = \"shop\"\ndirectory = \"/d\"\ncontrol = \"[::1]:9\"\nhttp_include = \"/h\"\nserver_include = \"/s\"\nkey = \"request_id\"\nupstreams = [{ name = \"web\", blue = [\"b:1\"], green = [\"g:1\"] }]";
    let config: NginxConfig = toml::from_str(text).unwrap();
    config.check().unwrap();
    assert_eq!(
        (config.buckets, config.counting),
        (Buckets::Hundred, Counting::Limited)
    );
    assert_eq!(config.nginx, ["nginx"]);
}

#[test]
fn what_is_misspelt_or_impossible_is_refused() {
    for (from, to) in [
        ("buckets = 1000", "buckets = 500"),
        ("buckets =", "bucket ="),
        ("header = \"X-Bluegreen\"", "header = \"X\", cookie = \"y\""),
        ("header = \"X-Bluegreen\", ", ""),
        ("keepalive = 32", "keep_alive = 32"),
        ("\"30s\"", "30"),
        ("dry_run", "dry"),
    ] {
        assert!(COMPLETE.contains(from));
        assert!(
            toml::from_str::<NginxConfig>(&COMPLETE.replace(from, to)).is_err(),
            "{to} was taken"
        );
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let mut config = NginxConfig::new("Shop", "relative", "0.0.0.0:80".parse().unwrap());
    config.http_include = "/etc/a b".into();
    config.server_include = "/etc/../etc/x".into();
    config.pid_file = "/run/nginx.pid;".into();
    config.nginx = Vec::new();
    config.reload_timeout = std::time::Duration::ZERO;
    config.upstreams = vec![
        Upstream::new("slot", ["a:1; evil"], ["b:0"]),
        Upstream::new("web", Vec::<&str>::new(), vec!["unix:"]),
        Upstream::new("web", ["host"], ["http://x:1"]),
    ];
    config.key = Key::Cookie {
        name: "a-b".to_owned(),
        fallback: FallbackKey::Address,
    };
    config.override_ = Some(Override::header("X Y", "short".into()));
    let invalid = BucketRouter::new(config, Arc::new(LocalTransport::new().unwrap())).unwrap_err();
    let fields: Vec<&str> = invalid
        .problems
        .iter()
        .map(|problem| problem.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "name",
            "directory",
            "http_include",
            "server_include",
            "pid_file",
            "control",
            "nginx",
            "upstreams[0].name",
            "upstreams[0].blue",
            "upstreams[0].green",
            "upstreams[1].blue",
            "upstreams[1].green",
            "upstreams[2].name",
            "upstreams[2].blue",
            "upstreams[2].green",
            "key.cookie.name",
            "override.header",
            "override.secret",
            "reload_timeout",
        ]
    );
    assert!(!invalid.to_string().contains("short"));
}

#[test]
fn the_capabilities_say_what_nginx_does() {
    let config: NginxConfig = toml::from_str(COMPLETE).unwrap();
    let transport = Arc::new(LocalTransport::new().unwrap());
    let router = BucketRouter::new(config.clone(), transport.clone()).unwrap();
    let capabilities = router.capabilities();
    assert_eq!(capabilities.granularity, Granularity::Steps(1000));
    assert_eq!(
        (capabilities.decides, capabilities.fencing),
        (Decides::PerRequest, Fencing::Token)
    );
    assert!(capabilities.affinity && capabilities.settle().is_zero() && capabilities.cost.is_empty());
    let share = |text: &str| Split::with(Slot::Green, text.parse().unwrap());
    assert!(capabilities.can_hold(share("0.1%")) && !capabilities.can_hold(share("0.05%")));
    let mut config = config;
    config.key = Key::RequestId;
    assert!(
        !BucketRouter::new(config, transport)
            .unwrap()
            .capabilities()
            .affinity
    );
}

#[test]
fn the_configuration_of_the_readme_is_complete_and_valid() {
    let readme = include_str!("../README.md");
    let text = readme
        .split("```toml")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let config: NginxConfig = toml::from_str(text).unwrap();
    config.check().unwrap();
    for field in [
        "name",
        "directory",
        "control",
        "http_include",
        "server_include",
        "nginx",
        "pid_file",
        "buckets",
    ] {
        assert!(text.contains(&format!("{field} = ")), "{field}");
    }
    assert!(config.override_.is_some());
}
