//! The files of the reload router: the split itself is in the configuration.

use std::fmt::Write;

use bluegreen_core::{Share, Slot, Split};

use super::control;
use super::shared::{counting, heading, key, key_and_override, override_value, upstreams, var, zone};
use crate::NginxConfig;
use crate::fence::green_points;

pub(super) fn http(config: &NginxConfig, split: Split, digest: &str, secret: &str) -> String {
    let mut text = heading(config);
    text.push_str(&key_and_override(config, secret));
    text.push_str(&draw(config, split));
    text.push_str(&upstreams(config));
    text.push_str(&zone(config));
    let location = format!(
        "    location = /split {{
        return 200 \"config={digest}\\ngreen={}\\n\";
    }}
",
        green_points(split)
    );
    text.push_str(&control::server(config, &location));
    text
}

pub(super) fn server(config: &NginxConfig) -> String {
    let mut text = heading(config);
    let _ = writeln!(text, "set ${} ${};", var(config, "decided"), var(config, "slot"));
    text.push_str(&counting(config));
    text
}

/// Two upstreams chosen by `split_clients` instead of weights in one: with weights, a request that
/// failed on one slot would be tried again on the other. nginx refuses `0%`, so a slot without a share
/// is left out.
fn draw(config: &NginxConfig, split: Split) -> String {
    let override_value = override_value(config);
    let [slot, drawn] = ["slot", "mark"].map(|ending| var(config, ending));
    let mut text = format!(
        "split_clients \"bluegreen:{}:${}\" ${drawn} {{\n",
        config.name,
        key(config)
    );
    let share = split.share(Slot::Green);
    let rest = if share == Share::ALL {
        Slot::Green
    } else {
        Slot::Blue
    };
    if share != Share::ALL && share != Share::NONE {
        let _ = writeln!(text, "    {share} {};", Slot::Green);
    }
    let _ = writeln!(text, "    * {rest};\n}}");
    let _ = writeln!(text, "map \"{override_value}:${{{drawn}}}\" ${slot} {{");
    for slot in Slot::BOTH {
        let _ = writeln!(text, "    \"~^:{slot}\" {slot};");
    }
    if !override_value.is_empty() {
        for slot in Slot::BOTH {
            let _ = writeln!(text, "    \"~^{slot}\" {slot};");
        }
    }
    text.push_str("}\n");
    text
}
