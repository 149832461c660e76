//! An nginx beside the world's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::World;

/// An nginx on another address, as on another machine. Dropped, it is stopped.
pub(crate) struct Second {
    child: Child,
    folder: tempfile::TempDir,
}

impl Second {
    /// With the world's configuration, and its ports on 127.0.0.2.
    pub(crate) fn beside(world: &World) -> Self {
        let first = world.config.parent().unwrap().to_str().unwrap().to_owned();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        let conf = fs::read_to_string(world.config.with_file_name("nginx.conf")).unwrap();
        let conf = conf
            .replace(&first, root.to_str().unwrap())
            .replace("listen 127.0.0.1:", "listen 127.0.0.2:");
        // nginx is there before anybody thinks of blue and green.
        let path = root.join("nginx.conf");
        let before: Vec<_> = conf
            .lines()
            .filter(|line| !line.contains("include") && !line.contains("$bluegreen"))
            .collect();
        fs::write(&path, before.join("\n")).unwrap();
        let child = Command::new("nginx")
            .args(Self::arguments(root))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let second = Self { child, folder };
        for _ in 0..200 {
            if second.path("nginx.pid").exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        fs::write(&path, conf).unwrap();
        second
    }

    fn arguments(root: &Path) -> [String; 6] {
        let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
        let flag = |flag: &str| flag.to_owned();
        [
            flag("-p"),
            at(""),
            flag("-c"),
            at("nginx.conf"),
            flag("-e"),
            at("error.log"),
        ]
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds it to the hosts of the world's configuration, reached by a command that joins its arguments
    /// as ssh does.
    pub(crate) fn join(&self, world: &World) {
        let ssh = self.path("ssh");
        fs::write(&ssh, "#!/bin/sh\nshift\nexec sh -c \"$*\"\n").unwrap();
        fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
        let text = fs::read_to_string(&world.config).unwrap();
        let config: toml::Table = toml::from_str(&text).unwrap();
        let control = config.get("nginx").and_then(|nginx| nginx.get("control"));
        let control = control.and_then(toml::Value::as_str).unwrap();
        let root = self.folder.path().display();
        let nginx = [
            &["nginx".to_owned()][..],
            &Self::arguments(self.folder.path())[..],
        ]
        .concat();
        let hosts = format!(
            r#"
[[nginx.hosts]]
name = "web1"
[[nginx.hosts]]
name = "web2"
ssh = ["{root}/ssh", "web2"]
control = "{}"
directory = "{root}/split"
http_include = "{root}/shop.http"
server_include = "{root}/shop.server"
pid_file = "{root}/nginx.pid"
nginx = {nginx:?}
"#,
            control.replace("127.0.0.1", "127.0.0.2")
        );
        fs::write(&world.config, text + &hosts).unwrap();
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        let _ = kill(pid, Signal::SIGTERM);
        let _ = self.child.wait();
    }
}
