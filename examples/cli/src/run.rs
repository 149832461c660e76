//! One command, from its arguments to its exit code.

use std::fmt::Write;

use bluegreen_core::command::{CommandHost, CommandMigrator, CommandNotifier, CommandWorkers};
use bluegreen_core::store::{FileStore, MemoryStore};
use bluegreen_core::{DeployError, Deployer, Outcome, Plan, Release, Request, Signed, Slot, Store};
use tokio::sync::mpsc;

use crate::args::{Command, Deploy, Global};
use crate::config::{Config, Missing};
use crate::failure::Failure;
use crate::operate::{Call, Channel, Operator};
use crate::report::Wanted;
use crate::screen::{Ended, Screen};
use crate::{Exit, Provider, ProviderError, Surroundings, status};

/// Does what was asked for, and says how it went.
pub async fn run<P: Provider>(global: &Global, command: Command, surroundings: Surroundings) -> Exit {
    let screen = Screen::new(global.json);
    let name = command.name();
    let ended = attempt::<P>(screen, global, command, &surroundings).await;
    screen.end(name, ended.unwrap_or_else(Ended::from))
}

/// A command that can be carried out.
struct Ready<P: Provider> {
    screen: Screen,
    config: Config<P::Config>,
    by: Option<String>,
}

async fn attempt<P: Provider>(
    screen: Screen,
    global: &Global,
    command: Command,
    surroundings: &Surroundings,
) -> Result<Ended, Failure> {
    let missing = if command.goes_without_secrets() {
        Missing::PassedOver
    } else {
        Missing::Refused
    };
    let config = Config::load::<P>(&global.config, surroundings, missing).map_err(Failure::Unusable)?;
    for problem in &config.warnings {
        Screen::warn(&format!("warning: {problem}"));
    }
    let by = global.by.clone().or_else(|| surroundings.user.clone());
    let ready = Ready::<P> {
        screen,
        config,
        by: by.filter(|by| !by.trim().is_empty()),
    };
    ready.carry_out(command).await
}

impl<P: Provider> Ready<P> {
    async fn carry_out(self, command: Command) -> Result<Ended, Failure> {
        match command {
            Command::Init { live } => self.init(live).await,
            Command::Check { version, release } => {
                self.check(version.map(|version| release.of(version))).await
            }
            Command::Status => self.status().await,
            Command::History { limit } => self.history(limit).await,
            Command::Approve => self.approve().await,
            Command::Abort { reason } => self.abort(reason).await,
            Command::Deploy(asked) => self.deploy(asked).await,
            Command::Rollback { reason } => {
                let request = Request::from(self.signed(reason)?);
                self.operate_for(Wanted::WayBack, |deployer, _| {
                    Box::pin(deployer.rollback(request))
                })
                .await
            }
            Command::Retire(asked) => {
                let mut request = Request::from(self.signed(asked.because.reason)?);
                if let Some(version) = asked.give_up_standby {
                    request = self.give_up(request, &version).await?;
                }
                self.operate(|deployer, _| Box::pin(deployer.retire(request)))
                    .await
            }
            Command::Contract(because) => {
                let by = self.signed(because.reason)?;
                self.operate(|deployer, _| Box::pin(deployer.contract(by))).await
            }
            Command::Adopt(because) => {
                let by = self.signed(because.reason)?;
                self.operate(|deployer, plan| Box::pin(deployer.adopt(plan, by)))
                    .await
            }
            Command::Resolve { live, because } => {
                let by = self.signed(because.reason)?;
                self.operate(|deployer, _| Box::pin(deployer.resolve(live, by)))
                    .await
            }
            Command::Resume => self.resume().await,
        }
    }

    fn by(&self) -> Result<&str, Failure> {
        self.by.as_deref().ok_or_else(|| {
            Failure::Wrong(
                "who asks is recorded, and the variable USER is not set: say it with --by NAME".to_owned(),
            )
        })
    }

    fn signed(&self, reason: String) -> Result<Signed, Failure> {
        Ok(Signed::new(self.by()?, reason))
    }

    async fn deployer(
        &self,
        store: impl Store + Clone + 'static,
        observer: Channel,
    ) -> Result<Deployer, Failure> {
        let config = &self.config;
        let context = config.context();
        let who = self.by.as_deref().unwrap_or("somebody");
        let mut builder = Deployer::builder(config.plan.service.clone())
            .store(store.clone())
            .secrets(config.secrets.clone())
            .lock_dir(config.locks())
            .output_dir(config.outputs())
            .holder(format!("{who}, pid {}", std::process::id()))
            .observer(observer);
        let commands = &config.commands;
        if let Some(spec) = &commands.host {
            builder = builder.host(CommandHost::new(spec.clone(), context.clone()));
        }
        if let Some(spec) = &commands.migrator {
            let migrator = CommandMigrator::new(spec.clone(), context.clone());
            builder = match &commands.lint {
                Some(lint) => {
                    let checked = lint.check(config.plan.service.clone(), migrator, store);
                    builder.migrator(checked.map_err(|error| Failure::Wrong(format!("[lint]: {error}")))?)
                }
                None => builder.migrator(migrator),
            };
        }
        if let Some(spec) = &commands.workers {
            builder = builder.workers(CommandWorkers::new(spec.clone(), context.clone()));
        }
        for spec in commands.notify.values() {
            builder = builder.notifier(CommandNotifier::new(spec.clone(), context.clone()));
        }
        let wrong = |error: ProviderError| Failure::Wrong(format!("[{}]: {error}", P::SECTION));
        for router in P::routers(&config.provider, &config.secrets)
            .await
            .map_err(wrong)?
        {
            builder = builder.shared_router(router);
        }
        builder = P::equip(&config.provider, &config.secrets, builder)
            .await
            .map_err(wrong)?;
        Ok(builder.build()?)
    }

    /// A deployer to ask, that nobody listens to. Where there is no store yet, none is made.
    async fn silent(&self) -> Result<Deployer, Failure> {
        let unheard = Channel(mpsc::unbounded_channel().0);
        let records = self.config.records();
        if records.exists() {
            let store = FileStore::open(records).map_err(DeployError::from)?;
            self.deployer(store, unheard).await
        } else {
            self.deployer(MemoryStore::new(), unheard).await
        }
    }

    async fn operate(
        &self,
        call: impl for<'a> FnOnce(&'a Deployer, &'a Plan) -> Call<'a>,
    ) -> Result<Ended, Failure> {
        self.operate_for(Wanted::Success, call).await
    }

    async fn operate_for(
        &self,
        wanted: Wanted,
        call: impl for<'a> FnOnce(&'a Deployer, &'a Plan) -> Call<'a>,
    ) -> Result<Ended, Failure> {
        let (events, seen) = mpsc::unbounded_channel();
        let store = FileStore::open(self.config.records()).map_err(DeployError::from)?;
        let deployer = self.deployer(store, Channel(events.clone())).await?;
        let operator = Operator {
            screen: self.screen,
            deployer: &deployer,
            plan: &self.config.plan,
            by: self.by.as_deref().unwrap_or("Ctrl-C"),
            wanted,
            seen,
            events,
        };
        operator.see(call(&deployer, &self.config.plan)).await
    }

    async fn deploy(&self, asked: Deploy) -> Result<Ended, Failure> {
        let mut request = Request::from(self.signed(asked.because.reason)?);
        if let Some(reason) = asked.skip_smoke {
            request = request.skip_smoke(reason);
        }
        if let Some(reason) = asked.ignore_window {
            request = request.ignore_window(reason);
        }
        if let Some(reason) = asked.allow_migrations {
            request = request.allow_migrations(reason);
        }
        if let Some(version) = asked.give_up_standby {
            request = self.give_up(request, &version).await?;
        }
        let release = asked.release.of(asked.version);
        self.operate(|deployer, plan| Box::pin(deployer.deploy(plan, release, request)))
            .await
    }

    /// The version that is given up has to be named: whoever gives a way back up knows where it led.
    async fn give_up(&self, request: Request, version: &str) -> Result<Request, Failure> {
        let lifecycle = self.silent().await?.status().await?.lifecycle;
        let standby = lifecycle.slots().standby();
        let held = standby.map(|slot| {
            let release = lifecycle.slots().get(slot).release.as_ref();
            release.map_or("unknown", |release: &Release| release.version.as_str())
        });
        match held {
            // Taken already, by this very deployment: it is being resumed.
            _ if lifecycle.open().is_some() => Ok(request),
            Some(held) if held == version => {
                Ok(request.give_up_standby(format!("gave up {version} by name")))
            }
            Some(held) => Err(Failure::Wrong(format!(
                "--give-up-standby {version}: the standby holds {held}; name that one, if it is what you mean"
            ))),
            None => Err(Failure::Wrong(format!(
                "--give-up-standby {version}: no slot is kept as standby, so there is nothing to give up"
            ))),
        }
    }

    async fn resume(&self) -> Result<Ended, Failure> {
        let open = self.silent().await?.status().await?.lifecycle.open().is_some();
        let nothing = || DeployError::NothingToDo("nothing is open".to_owned());
        if !open {
            return Ok(Ended::new(
                Exit::AsMeant,
                "nothing is open, so there is nothing to resume",
            ));
        }
        self.operate(|deployer, _| {
            Box::pin(async move { Box::pin(deployer.resume()).await?.ok_or_else(nothing) })
        })
        .await
    }

    async fn init(&self, live: Option<Slot>) -> Result<Ended, Failure> {
        let config = &self.config;
        FileStore::open(config.records()).map_err(DeployError::from)?;
        let mut lines = vec![format!("the store is {}", config.folder.display())];
        lines.extend(
            P::init(&config.provider, &config.secrets, live)
                .await
                .map_err(Failure::Provider)?,
        );
        Ok(Ended::new(Exit::AsMeant, lines.join("\n")).with("done", lines))
    }

    async fn check(&self, release: Option<Release>) -> Result<Ended, Failure> {
        let explained = self.config.plan.explain();
        let Some(release) = release else {
            let text = format!(
                "{explained}\nThe configuration is good. With a version, its preflight is checked too."
            );
            return Ok(Ended::new(Exit::AsMeant, text).with("plan", explained));
        };
        self.screen.say(&explained);
        let deployer = self.silent().await?;
        let by = Signed::new(self.by.as_deref().unwrap_or("somebody"), "check");
        let results = deployer.check(&self.config.plan, &release, by).await?;
        let bad = results
            .iter()
            .filter(|result| result.outcome != Outcome::Pass)
            .count();
        let mut text = format!("Preflight of {release}:");
        for result in &results {
            let _ = write!(
                text,
                "\n  {:<12} {} ({}): {}",
                result.outcome,
                result.name,
                result.slot,
                result.evidence.replace('\n', "\n               ")
            );
        }
        let (exit, end) = if bad == 0 {
            (
                Exit::AsMeant,
                "It could begin now. Nothing was touched.".to_owned(),
            )
        } else {
            (
                Exit::NotAsMeant,
                format!(
                    "It could not begin now: {bad} of {} checks do not pass. Nothing was touched.",
                    results.len()
                ),
            )
        };
        let _ = write!(text, "\n{end}");
        Ok(Ended::new(exit, text)
            .with("plan", explained)
            .with("checks", results))
    }

    async fn status(&self) -> Result<Ended, Failure> {
        let seen = self.silent().await?.status().await?;
        Ok(Ended::new(Exit::AsMeant, status::text(&seen)).with("status", seen))
    }

    async fn history(&self, limit: u16) -> Result<Ended, Failure> {
        let deployer = self.silent().await?;
        let last = deployer
            .status()
            .await?
            .lifecycle
            .run()
            .map(|run| run.id.number());
        let after = last.unwrap_or_default().saturating_sub(u64::from(limit));
        let reports = deployer
            .history((after > 0).then_some(after), usize::from(limit))
            .await?;
        Ok(Ended::new(Exit::AsMeant, status::history(&reports)).with("history", reports))
    }

    async fn approve(&self) -> Result<Ended, Failure> {
        self.silent().await?.approve(self.by()?).await?;
        Ok(Ended::new(Exit::AsMeant, "approved; whoever is at work goes on"))
    }

    async fn abort(&self, reason: String) -> Result<Ended, Failure> {
        let deployer = self.silent().await?;
        deployer.abort(self.signed(reason)?).await?;
        let text = match deployer.status().await?.holder {
            Some((holder, _)) => format!(
                "{holder} has been asked to stop; `status` shows how it goes. If it has died, `resume` carries it out"
            ),
            None => "it is noted, but nobody is at work: `resume` carries it out".to_owned(),
        };
        Ok(Ended::new(Exit::AsMeant, text))
    }
}
