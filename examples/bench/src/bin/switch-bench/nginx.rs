//! A private nginx.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use crate::Failure;
use crate::child::{Private, folder, free};

/// A private nginx whose site is said in two parts.
#[derive(Debug)]
pub(crate) struct Nginx {
    pub(crate) public: SocketAddr,
    pub(crate) command: Vec<String>,
    pub(crate) process: Private,
}

/// A folder and addresses for an nginx that does not run yet.
#[derive(Debug)]
pub(crate) struct Site {
    folder: TempDir,
    public: SocketAddr,
}

impl Site {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            folder: folder()?,
            public: free()?,
        })
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the configuration: directives of the http block, and of the server.
    pub(crate) fn write(&self, http: &str, server: &str) -> Result<(), Failure> {
        write(self.root(), self.public, http, server)
    }

    pub(crate) async fn start(self) -> Result<Nginx, Failure> {
        let root = self.root().display();
        let command = [
            "nginx",
            "-p",
            &format!("{root}/"),
            "-c",
            &format!("{root}/nginx.conf"),
            "-e",
            &format!("{root}/error.log"),
        ]
        .map(str::to_owned)
        .to_vec();
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
    pub(crate) fn write(&self, http: &str, server: &str) -> Result<(), Failure> {
        write(self.process.root(), self.public, http, server)
    }
}

/// How the site passes requests on: the same in all rows.
pub(crate) fn location(upstream: &str) -> String {
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
