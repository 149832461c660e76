//! A private nginx, and the shop behind it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use bluegreen_nginx::{NginxConfig, Upstream};
use bluegreen_testkit::loopback::PerSlot;
use tempfile::TempDir;

use crate::Failure;
use crate::private::{Private, folder, free};

/// A private nginx whose site is said in two parts.
#[derive(Debug)]
pub struct Nginx {
    /// Where the clients go.
    pub public: SocketAddr,
    /// The program with its arguments, to which others are added.
    pub command: Vec<String>,
    /// The running process.
    pub process: Private,
}

/// A folder and addresses for an nginx that does not run yet.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    public: SocketAddr,
}

impl Site {
    /// A new folder and a free address.
    ///
    /// # Errors
    /// When there is none.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self {
            folder: folder()?,
            public: free()?,
        })
    }

    /// The path of the folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the configuration: directives of the http block, and of the server.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, http: &str, server: &str) -> Result<(), Failure> {
        write(self.root(), self.public, http, server)
    }

    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub async fn start(self) -> Result<Nginx, Failure> {
        let command = command(self.root());
        let public = self.public;
        let process = Private::start(self.folder, &command, public).await?;
        Ok(Nginx {
            public,
            command,
            process,
        })
    }
}

impl Nginx {
    /// Writes another configuration; nothing is reloaded.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, http: &str, server: &str) -> Result<(), Failure> {
        write(self.process.root(), self.public, http, server)
    }
}

/// An nginx as it was before, with a site that is ready for the files of a router of the shop.
///
/// # Errors
/// When it cannot be started.
pub async fn shop(sides: PerSlot<SocketAddr>) -> Result<(Nginx, NginxConfig), Failure> {
    let site = Site::new()?;
    site.write("", "return 503;")?;
    let nginx = site.start().await?;
    let config = shop_config(nginx.process.root(), free()?, sides);
    nginx.write(
        &format!("include {};", config.http_include.display()),
        &format!(
            "include {};\n        {}",
            config.server_include.display(),
            location("$bluegreen_shop_web")
        ),
    )?;
    Ok((nginx, config))
}

/// What a router of the shop has to know of the private nginx in a folder.
#[must_use]
pub fn shop_config(root: &Path, control: SocketAddr, sides: PerSlot<SocketAddr>) -> NginxConfig {
    let mut config = NginxConfig::new("shop", root.join("split"), control);
    config.http_include = root.join("shop.http");
    config.server_include = root.join("shop.server");
    config.pid_file = root.join("nginx.pid");
    config.nginx = command(root);
    let mut upstream = Upstream::new("web", [sides.blue.to_string()], [sides.green.to_string()]);
    upstream.keepalive = 32;
    config.upstreams = vec![upstream];
    config
}

fn command(root: &Path) -> Vec<String> {
    let root = root.display();
    [
        "nginx",
        "-p",
        &format!("{root}/"),
        "-c",
        &format!("{root}/nginx.conf"),
        "-e",
        &format!("{root}/error.log"),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// How the site passes requests on: the same for all ways to switch.
#[must_use]
pub fn location(upstream: &str) -> String {
    format!(
        "location / {{
            proxy_pass http://{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_to_service;
        }}"
    )
}

fn write(root: &Path, public: SocketAddr, http: &str, server: &str) -> Result<(), Failure> {
    let path = root.join("nginx.conf");
    let root = root.display();
    let text = format!(
        "daemon off;
worker_processes 2;
pid {root}/nginx.pid;
error_log {root}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    keepalive_requests 1000000;
    map $http_upgrade $connection_to_service {{ default upgrade; '' ''; }}
    {http}
    server {{
        listen {public};
        {server}
    }}
}}
"
    );
    Ok(fs::write(path, text)?)
}
