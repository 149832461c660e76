//! Putting the rendered files in place: written, tested, reloaded, confirmed, or put back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bluegreen_core::Clock;
use secrecy::{ExposeSecret, SecretString};

use crate::fence::Claim;
use crate::render::Rendered;
use crate::transport::{Change, Commit, NewFile, Transport};
use crate::workers::Generation;
use crate::{NginxConfig, NginxError};

/// How long the lock of the directory is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What an installation did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// Whether nginx was reloaded, which drops idle keep-alive connections. Unchanged files need none.
    pub reloaded: bool,
    /// What will not work as it may be thought to, for people.
    pub warnings: Vec<String>,
}

/// Whether nginx judges new files before they stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tested {
    Yes,
    No,
}

/// The machine and what it is to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) config: &'a NginxConfig,
    pub(crate) transport: &'a dyn Transport,
    pub(crate) clock: &'a dyn Clock,
    /// How long new workers may take to replace the old ones.
    pub(crate) reload_timeout: Duration,
}

impl Site<'_> {
    /// Puts the files in place and has nginx run them; gives whether it had to reload. `running` is the
    /// digest of what nginx says it runs. On failure the old files are back, unless nginx has begun to
    /// run the new ones: then nobody knows, and the error says so.
    ///
    /// The file `installed` holds the digest of the configuration whose workers were seen to have taken
    /// over. It is removed with the first change and written last, so that a reload that nobody
    /// confirmed is done again.
    pub(crate) async fn apply(
        self,
        claim: Option<Claim>,
        rendered: &Rendered,
        running: Option<&str>,
    ) -> Result<bool, NginxError> {
        // From here on no older call can write, so what is read stays as it is.
        self.write(claim, Vec::new(), Tested::No).await?;
        let before = self.read().await?;
        let new = [
            Some(rendered.http.expose_secret().to_owned()),
            Some(rendered.server.expose_secret().to_owned()),
            Some(rendered.digest.clone()),
        ];
        if before == new && running == Some(rendered.digest.as_str()) {
            return Ok(false);
        }
        let is_unconfirmed = matches!(before, [Some(_), _, None]);
        let [http, server, _] = new;
        self.write(claim, self.files([http, server, None]), Tested::Yes)
            .await?;
        let compared = claim.map(|claim| Claim::compared(claim.token));
        match self.reload().await {
            Ok(()) => {}
            Err(error @ NginxError::Lost { .. }) => return Err(error),
            Err(error) => {
                self.write(compared, self.files(before), Tested::No)
                    .await
                    .map_err(|undo| {
                        overtaken(undo, |undo| NginxError::Lost {
                            what: "putting the old files back",
                            why: format!("{undo}; after {error}"),
                        })
                    })?;
                return Err(error);
            }
        }
        if is_unconfirmed {
            // The reload that was on its way may have been taken for ours. Its workers are there by now,
            // and the next reload replaces them.
            self.reload()
                .await
                .map_err(|error| lost("the second reload", &error))?;
        }
        let digest = NewFile {
            path: self.installed(),
            content: Some(rendered.digest.clone().into()),
            mode: 0o644,
        };
        self.write(compared, vec![digest], Tested::No)
            .await
            .map_err(|error| overtaken(error, |error| lost("noting the reload", &error)))?;
        Ok(true)
    }

    // The same workers as before mean that nginx did not take it and runs what it ran.
    async fn reload(self) -> Result<(), NginxError> {
        let Self {
            config,
            transport,
            clock,
            reload_timeout,
        } = self;
        let generation = Generation::read(transport, &config.pid_file).await?;
        self.nginx(&["-s", "reload"]).await.map_err(|error| match error {
            NginxError::Program { .. } => error,
            other => lost("the reload", &other),
        })?;
        let replaced = generation
            .replaced(transport, &config.pid_file, clock, reload_timeout)
            .await;
        let Err(error) = replaced else { return Ok(()) };
        match Generation::read(transport, &config.pid_file).await {
            Ok(now) if now == generation => Err(error),
            _ => Err(lost("the reload", &error)),
        }
    }

    /// The digest of the configuration whose workers were last seen to have taken over.
    pub(crate) async fn confirmed(self) -> Result<Option<String>, NginxError> {
        self.transport.read(&self.installed()).await
    }

    fn installed(self) -> PathBuf {
        self.config.directory.join("installed")
    }

    async fn read(self) -> Result<[Option<String>; 3], NginxError> {
        let Self {
            config, transport, ..
        } = self;
        Ok([
            transport.read(&config.http_include).await?,
            transport.read(&config.server_include).await?,
            transport.read(&self.installed()).await?,
        ])
    }

    fn files(self, [http, server, installed]: [Option<String>; 3]) -> Vec<NewFile> {
        let file = |path: &Path, content: Option<String>, mode| NewFile {
            path: path.to_owned(),
            content: content.map(SecretString::from),
            mode,
        };
        vec![
            file(&self.installed(), installed, 0o644),
            file(&self.config.http_include, http, 0o600),
            file(&self.config.server_include, server, 0o644),
        ]
    }

    async fn write(
        self,
        claim: Option<Claim>,
        files: Vec<NewFile>,
        tested: Tested,
    ) -> Result<(), NginxError> {
        let mut test = Vec::new();
        if tested == Tested::Yes {
            test.clone_from(&self.config.nginx);
            test.push("-t".to_owned());
        }
        let directory = self.config.directory.clone();
        let commit = Commit {
            directory,
            claim,
            change: Change::Files { files, test },
            patience: PATIENCE,
        };
        match self.transport.commit(&commit).await {
            Err(NginxError::Refused { output }) if output.contains("unknown \"bluegreen_") => {
                let server = self.config.server_include.display();
                Err(NginxError::Refused {
                    output: format!("{output} (a server of the service has to include {server})"),
                })
            }
            other => other.map(|_| ()),
        }
    }

    async fn nginx(self, arguments: &[&str]) -> Result<String, NginxError> {
        let mut argv = self.config.nginx.clone();
        argv.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self.transport.run(&argv).await
    }

    /// Whether the configuration on disk would be taken.
    pub(crate) async fn test(self) -> Result<(), NginxError> {
        self.nginx(&["-t"]).await.map(|_| ())
    }

    /// Directives elsewhere in the configuration that hide what was rendered.
    pub(crate) async fn warnings(self, rendered: &Rendered) -> Result<Vec<String>, NginxError> {
        let whole = self.nginx(&["-T"]).await?;
        let name = &self.config.name;
        let mut warnings = Vec::new();
        if !whole.contains(rendered.server.expose_secret()) {
            warnings.push(format!(
                "no server includes {}",
                self.config.server_include.display()
            ));
        }
        let directives = whole.split(['{', '}', ';', '\n']).map(str::trim);
        let limits = |directive: &&str| directive.starts_with("limit_conn ");
        if directives
            .filter(limits)
            .any(|directive| !directive.starts_with("limit_conn bluegreen_"))
        {
            warnings.push(format!(
                "limit_conn is used elsewhere: nginx does not combine levels, so write \"limit_conn bluegreen_{name} 65535;\" beside it in each location of the service, and repeat what the http level limits in its servers"
            ));
        }
        Ok(warnings)
    }
}

/// A call that finds a newer one at work has been overtaken, whatever it was about to do.
fn overtaken(error: NginxError, otherwise: impl FnOnce(NginxError) -> NginxError) -> NginxError {
    match error {
        NginxError::Fenced { .. } => error,
        other => otherwise(other),
    }
}

fn lost(what: &'static str, error: &NginxError) -> NginxError {
    NginxError::Lost {
        what,
        why: error.to_string(),
    }
}
