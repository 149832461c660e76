//! What runbooks say: `sed` on the upstream file, `nginx -s reload`, and the old side is stopped when the
//! command returns.

use std::net::SocketAddr;

use bluegreen_core::Slot;
use bluegreen_testkit::loopback::PerSlot;

use crate::method::{Method, Name};
use bluegreen_bench::Failure;
use bluegreen_bench::nginx::{Nginx, Site, location};

#[derive(Debug)]
pub(crate) struct Runbook {
    nginx: Nginx,
    sides: PerSlot<SocketAddr>,
}

impl Runbook {
    pub(crate) async fn start(sides: PerSlot<SocketAddr>) -> Result<Self, Failure> {
        let site = Site::new()?;
        let upstream = site.root().join("upstream.conf");
        std::fs::write(
            &upstream,
            format!(
                "upstream shop {{\n    server {};\n    keepalive 32;\n}}\n",
                sides.blue
            ),
        )?;
        site.write(&format!("include {};", upstream.display()), &location("shop"))?;
        Ok(Self {
            nginx: site.start().await?,
            sides,
        })
    }
}

impl Method for Runbook {
    const NAME: Name = Name::Runbook;

    fn address(&self) -> SocketAddr {
        self.nginx.public
    }

    async fn switch(&mut self, to: Slot) -> Result<(), Failure> {
        let (old, new) = (self.sides.get(to.other()), self.sides.get(to));
        let upstream = self.nginx.process.root().join("upstream.conf");
        let script = format!("sed -i 's/{old}/{new}/' \"$1\" && shift && \"$@\" -s reload");
        let status = tokio::process::Command::new("sh")
            .args(["-c", &script, "runbook"])
            .arg(upstream)
            .args(&self.nginx.command)
            .status()
            .await?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the runbook's script: {status}").into())
        }
    }

    /// The command has returned.
    async fn may_stop(&mut self, _: Slot) -> Result<(), Failure> {
        Ok(())
    }
}
