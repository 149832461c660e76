//! The files of the bucket router.

use std::fmt::Write;

use bluegreen_core::Slot;

use super::control;
use super::shared::{
    bucket_names, counting, heading, key, key_and_override, override_value, upstreams, var, zone,
};
use crate::NginxConfig;
use crate::transport::{FENCE, LINK, SENTINEL, STATE};

/// Stands before the live slot in the rendered file.
pub(super) const LIVE_MARK: &str = "# Everybody goes here when the folder of the split cannot be seen: ";

/// The variable for the first digit of a bucket that is asked for; short, because names in regular
/// expressions must be.
const PART: &str = "bluegreen_part";

pub(super) fn http(config: &NginxConfig, live: Slot, digest: &str, secret: &str) -> String {
    let mut text = heading(config);
    let _ = writeln!(text, "{LIVE_MARK}{live}");
    text.push_str(&key_and_override(config, secret));
    text.push_str(&buckets(config));
    text.push_str(&decision(config, live));
    text.push_str(&upstreams(config));
    text.push_str(&zone(config));
    text.push_str(&control::server(config, &locations(config, live, digest)));
    text
}

/// For each server of the service. The decision is a map, which nginx evaluates once for a request and
/// keeps, also over internal redirects and subrequests; the last `set` asks for it here and now.
pub(super) fn server(config: &NginxConfig) -> String {
    let [ready, mark, decided, slot, bucket] =
        ["ready", "mark", "decided", "slot", "bucket"].map(|ending| var(config, ending));
    let link = link(config);
    let mut text = heading(config);
    let _ = write!(
        text,
        "open_file_cache off;
disable_symlinks off;
set ${ready} \"\";
set ${mark} \"\";
if (-f {link}/{SENTINEL}) {{
    set ${ready} ready;
}}
if (-f {link}/${bucket}) {{
    set ${mark} -marked;
}}
set ${decided} ${slot};
"
    );
    text.push_str(&counting(config));
    text
}

fn link(config: &NginxConfig) -> String {
    config.directory.join(LINK).display().to_string()
}

/// All buckets of one size; the name of the service keeps the buckets of two services apart.
fn buckets(config: &NginxConfig) -> String {
    let count = config.buckets.count();
    let size = if count > 100 { "0.1%" } else { "1%" };
    let mut text = format!(
        "split_clients \"bluegreen:{}:${}\" ${} {{\n",
        config.name,
        key(config),
        var(config, "bucket")
    );
    for (bucket, name) in (1..).zip(bucket_names(count)) {
        let size = if bucket == count { "*" } else { size };
        let _ = writeln!(text, "    {size} {name};");
    }
    text.push_str("}\n");
    text
}

fn decision(config: &NginxConfig, live: Slot) -> String {
    let override_value = override_value(config);
    let [ready, mark, slot] = ["ready", "mark", "slot"].map(|ending| var(config, ending));
    let mut text =
        format!("map \"{override_value}${{{ready}}}${{{mark}}}\" ${slot} {{\n    default {live};\n");
    for (value, slot) in [("ready", Slot::Blue), ("ready-marked", Slot::Green)] {
        let _ = writeln!(text, "    {value} {slot};");
    }
    if !override_value.is_empty() {
        for slot in Slot::BOTH {
            let _ = writeln!(text, "    \"~^{slot}\" {slot};");
        }
    }
    text.push_str("}\n");
    text
}

/// `/buckets/` tests the markers as the servers do; a thousand are asked for in ten parts, by their
/// first digit.
fn locations(config: &NginxConfig, live: Slot, digest: &str) -> String {
    let [ready, seen] = ["ready", "seen"].map(|ending| var(config, ending));
    let link = link(config);
    let mut text = format!(
        "    set ${ready} missing;
    if (-f {link}/{SENTINEL}) {{
        set ${ready} ready;
    }}
    location = /state {{
        alias {link}/{STATE};
    }}
    location = /fence {{
        alias {}/{FENCE};
    }}
    location ~ \"^/buckets/(?<{PART}>[0-9]?)$\" {{
        set ${seen} \"\";
",
        config.directory.display()
    );
    for name in bucket_names(100) {
        let _ = write!(
            text,
            "        if (-f {link}/${{{PART}}}{name}) {{
            set ${seen} \"${{{seen}}} ${{{PART}}}{name}\";
        }}
"
        );
    }
    let _ = write!(
        text,
        "        return 200 \"config={digest}\\nlive={live}\\nfolder=${{{ready}}}\\nmarked=${{{seen}}}\\n\";
    }}
"
    );
    text
}
