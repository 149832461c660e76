//! What both routers render alike: variables, the key, the override, the upstreams.

use std::fmt::Write;

use bluegreen_core::Slot;

use crate::{Counting, FallbackKey, Key, NginxConfig, OverrideBy};

/// The variable of this service with such an ending, without the dollar sign.
pub(super) fn var(config: &NginxConfig, ending: &str) -> String {
    format!("bluegreen_{}_{ending}", config.name)
}

/// The names of all buckets, in the order in which they become green's.
pub(crate) fn bucket_names(count: u16) -> impl Iterator<Item = String> {
    let width = if count > 100 { 3 } else { 2 };
    (0..count).map(move |bucket| format!("{bucket:0width$}"))
}

pub(super) fn heading(config: &NginxConfig) -> String {
    format!(
        "# The blue/green split of the service {}. Written by bluegreen: do not edit.\n",
        config.name
    )
}

/// The maps for the key and the override. The secret stands in a regular expression because nginx
/// compares the plain strings of a map without regard to case.
pub(super) fn key_and_override(config: &NginxConfig, secret: &str) -> String {
    let mut text = String::new();
    let wanted = match &config.key {
        Key::Address | Key::RequestId => None,
        Key::Cookie { name, fallback } => Some((format!("cookie_{name}"), fallback)),
        Key::Header { name, fallback } => Some((header(name), fallback)),
    };
    if let Some((source, fallback)) = wanted {
        let other = match fallback {
            FallbackKey::Address => "binary_remote_addr",
            FallbackKey::RequestId => "request_id",
        };
        let key = var(config, "key");
        let _ = write!(
            text,
            "map ${source} ${key} {{\n    default ${source};\n    \"\" ${other};\n}}\n"
        );
    }
    if let Some(key) = &config.override_ {
        let source = match &key.by {
            OverrideBy::Header(name) => header(name),
            OverrideBy::Cookie(name) => format!("cookie_{name}"),
        };
        let _ = writeln!(
            text,
            "map ${source} ${} {{\n    default \"\";",
            var(config, "override")
        );
        for slot in Slot::BOTH {
            let _ = writeln!(text, "    \"~^{secret}\\.{slot}$\" {slot};");
        }
        text.push_str("}\n");
    }
    text
}

fn header(name: &str) -> String {
    format!("http_{}", name.to_ascii_lowercase().replace('-', "_"))
}

/// The variable that holds the key.
pub(super) fn key(config: &NginxConfig) -> String {
    match &config.key {
        Key::Address => "binary_remote_addr".to_owned(),
        Key::RequestId => "request_id".to_owned(),
        Key::Cookie { .. } | Key::Header { .. } => var(config, "key"),
    }
}

/// The variable of the override, with the dollar sign, or nothing.
pub(super) fn override_value(config: &NginxConfig) -> String {
    config
        .override_
        .as_ref()
        .map_or_else(String::new, |_| format!("${{{}}}", var(config, "override")))
}

/// Both sides of each upstream, and the variable that chooses one by the slot.
pub(super) fn upstreams(config: &NginxConfig) -> String {
    let mut text = String::new();
    for upstream in &config.upstreams {
        let chosen = var(config, &upstream.name);
        for slot in Slot::BOTH {
            let _ = writeln!(text, "upstream {chosen}_{slot} {{");
            for server in upstream.servers(slot) {
                let _ = writeln!(text, "    server {server};");
            }
            if upstream.keepalive > 0 {
                let _ = writeln!(text, "    keepalive {};", upstream.keepalive);
            }
            text.push_str("}\n");
        }
        let _ = writeln!(text, "map ${} ${chosen} {{", var(config, "slot"));
        for slot in Slot::BOTH {
            let _ = writeln!(text, "    {slot} {chosen}_{slot};");
        }
        text.push_str("}\n");
    }
    text
}

/// The zone that counts requests in flight by slot.
pub(super) fn zone(config: &NginxConfig) -> String {
    match config.counting {
        Counting::Off => String::new(),
        Counting::Limited | Counting::DryRun => {
            format!(
                "limit_conn_zone ${} zone=bluegreen_{}:1m;\n",
                var(config, "slot"),
                config.name
            )
        }
    }
}

/// Counts the requests of the servers that include this. 65535 is the most that nginx takes.
pub(super) fn counting(config: &NginxConfig) -> String {
    let limit = format!("limit_conn bluegreen_{} 65535;\n", config.name);
    match config.counting {
        Counting::Off => String::new(),
        Counting::Limited => limit,
        Counting::DryRun => format!("{limit}limit_conn_dry_run on;\n"),
    }
}
