//! The control server: where nginx is asked what it uses.

use std::fmt::Write;

use bluegreen_core::Slot;

use super::shared::var;
use crate::{Counting, NginxConfig};

/// The numbers of requests in flight that can be asked for.
pub(crate) const THRESHOLDS: [u16; 6] = [1, 2, 5, 10, 100, 1000];

/// The control server with these locations beside those that count.
///
/// What the surrounding configuration may have set for all servers (caches, passwords, logs) is set
/// back, so that the answers are about the split alone.
pub(super) fn server(config: &NginxConfig, locations: &str) -> String {
    let mut text = format!(
        "server {{
    listen {};
    server_name bluegreen-{};
    access_log off;
    log_not_found off;
    auth_basic off;
    satisfy all;
    allow 127.0.0.0/8;
    allow ::1;
    deny all;
    open_file_cache off;
    disable_symlinks off;
    default_type text/plain;
{locations}",
        config.control, config.name
    );
    if config.counting != Counting::Off {
        text.push_str(&in_flight(config));
    }
    text.push_str("}\n");
    text
}

/// 503 where at least so many requests of the slot are in flight, 204 where there are fewer: the zone
/// of the service is asked with the slot as its key. `try_files` answers, because `return` would come
/// before the limit is looked at.
fn in_flight(config: &NginxConfig) -> String {
    let mut text = String::new();
    for slot in Slot::BOTH {
        for threshold in THRESHOLDS {
            let _ = write!(
                text,
                "    location = /in-flight/{slot}/{threshold} {{
        set ${} {slot};
        limit_conn bluegreen_{} {threshold};
        limit_conn_dry_run off;
        limit_conn_status 503;
        limit_conn_log_level info;
        try_files /.nothing =204;
    }}
",
                var(config, "slot"),
                config.name
            );
        }
    }
    text
}
