//! Hosts, migrators, workers, hooks and notifiers that run commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use bluegreen_core::command::{
    CommandContext, CommandHook, CommandHost, CommandHostSpec, CommandMigrator, CommandMigratorSpec,
    CommandNotifier, CommandSpec, CommandWorkers, CommandWorkersSpec, Secrets,
};
use bluegreen_core::{Fault, HookAction, HookContext, Op, Release, ServiceName, Slot, Version};
use bluegreen_testkit::conformance::ProviderFault;
use bluegreen_testkit::conformance::hook::HookSubject;
use bluegreen_testkit::conformance::host::HostSubject;
use bluegreen_testkit::conformance::migrator::MigratorSubject;
use bluegreen_testkit::conformance::notifier::NotifierSubject;
use bluegreen_testkit::conformance::workers::WorkersSubject;
use tempfile::TempDir;

const SECRET: &str = "hunter2-and-more";

/// A script over the files of a folder, with arguments. It prints its secret wherever it can, and fails
/// as the file `fault` says.
fn script(folder: &Path, body: &str, arguments: &[&str]) -> CommandSpec {
    let script = format!(
        "cd '{}' || exit 1; fault=$(cat fault 2>/dev/null); echo \"$TOKEN\"; echo \"$TOKEN\" >&2
        case $fault in 1|75) exit $fault;; esac
        {body}
        case $fault in lost) kill -9 $$;; esac",
        folder.display()
    );
    let start = ["sh", "-c", &script, "sh"].map(str::to_owned);
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    CommandSpec::new(start.into_iter().chain(arguments)).secret_env("TOKEN", "token")
}

fn context(folder: &Path) -> CommandContext {
    CommandContext::new(ServiceName::new("shop").unwrap())
        .secrets(Secrets::new().with("token", SECRET))
        .locks(folder.join("locks"))
}

fn read(file: PathBuf) -> Option<String> {
    fs::read_to_string(file).ok()
}

fn lines(file: PathBuf) -> u32 {
    u32::try_from(read(file).unwrap_or_default().lines().count()).unwrap()
}

/// What a command can say of its effect by how it ends.
fn fail(folder: &Path, fault: Option<ProviderFault>) -> bool {
    let text = match fault {
        None => "",
        Some(ProviderFault::Refused) => "75",
        Some(ProviderFault::Rejected) => "1",
        Some(ProviderFault::LostAnswer) => "lost",
        Some(_) => return false,
    };
    fs::write(folder.join("fault"), text).unwrap();
    true
}

fn release(version: &str) -> Release {
    Release::new(Version::new(version).unwrap()).artifact(format!("registry/shop:{version}"))
}

mod host {
    use super::*;

    const DEPLOY: &str = r#"
        [ "$(cat "$1.deployment" 2>/dev/null)" = "$3" ] && exit 0
        printf %s "$2" > "$1.new" && printf %s "$4" > "$1.artifact" && mv "$1.new" "$1.version"
        printf %s "$3" > "$1.deployment"
        echo begun >> begun"#;

    bluegreen_testkit::host_conformance!(async || {
        let folder = TempDir::new().unwrap();
        let path = folder.path().to_owned();
        let deploy = script(
            &path,
            DEPLOY,
            &["{slot}", "{version}", "{deployment}", "{artifact}"],
        );
        let retire = script(&path, "rm -f \"$1.version\" \"$1.deployment\"", &["{slot}"]);
        let readiness = script(&path, "[ -f \"$1.version\" ] || exit 3", &["{slot}"]);
        let spec = CommandHostSpec::new(deploy, retire)
            .readiness(readiness)
            .standby(script(&path, "", &[]));
        let (running, begun) = (path.clone(), path.clone());
        HostSubject::new(CommandHost::new(spec, context(&path)))
            .releases([release("1.0.0"), release("1.1.0")])
            .running(async move |slot| Version::new(read(running.join(format!("{slot}.version")))?).ok())
            .begun(async move || lines(begun.join("begun")))
            // A readiness command that fails says that the slot is starting, whatever went wrong.
            .faults(async move |fault| match fault {
                Some(ProviderFault::Refused | ProviderFault::Rejected) => false,
                other => fail(&path, other),
            })
            .secret(SECRET)
            .guard(folder)
    });
}

mod migrator {
    use super::*;

    /// One write, so that a script that is ended has applied it or not; and a lock that is held while a
    /// script is at work, to see whether two are.
    const MIGRATE: &str = r#"
        exec 9> at-work; flock -n 9 || echo overlap >> overlaps
        sleep 0.05
        [ -s "$1" ] || echo applied >> "$1"
        seq 1 20000"#;

    bluegreen_testkit::migrator_conformance!(async || {
        let folder = TempDir::new().unwrap();
        let path = folder.path().to_owned();
        let phase = |name: &str| Some(script(&path, MIGRATE, &[name]));
        let spec = CommandMigratorSpec {
            expand: phase("expand"),
            backfill: phase("backfill"),
            contract: phase("contract"),
        };
        let (applied, overlaps) = (path.clone(), path.clone());
        MigratorSubject::new(CommandMigrator::new(spec, context(&path)))
            .applied(async move |phase| lines(applied.join(phase.to_string())))
            .overlaps(async move || lines(overlaps.join("overlaps")))
            .faults(async move |fault| fail(&path, fault))
            .secret(SECRET)
            .guard(folder)
    });
}

mod workers {
    use super::*;

    bluegreen_testkit::workers_conformance!(async || {
        let folder = TempDir::new().unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("blue.claims"), "").unwrap();
        let spec = CommandWorkersSpec::new(
            script(&path, "rm -f \"$1.claims\"", &["{slot}"]),
            script(&path, "touch \"$1.claims\"", &["{slot}"]),
        )
        .depth(CommandSpec::new([
            "cat".to_owned(),
            path.join("depth").display().to_string(),
        ]));
        let (claiming, waiting, uncountable) = (path.clone(), path.clone(), path.clone());
        WorkersSubject::new(CommandWorkers::new(spec, context(&path)))
            .claiming(async move || {
                let claims = |slot: &Slot| claiming.join(format!("{slot}.claims")).exists();
                Slot::BOTH.into_iter().filter(claims).collect()
            })
            .waiting(async move |count| fs::write(waiting.join("depth"), format!("{count}\n")).unwrap())
            .uncountable(async move || fs::write(uncountable.join("depth"), "(nil)").unwrap())
            .faults(async move |fault| fail(&path, fault))
            .secret(SECRET)
            .guard(folder)
    });
}

mod hook {
    use super::*;

    /// A command of a plan, filled in as the deployer does.
    #[derive(Debug)]
    struct Commanded(CommandHook, CommandSpec);

    #[async_trait]
    impl HookAction for Commanded {
        async fn run(&self, op: &Op, told: &HookContext) -> Result<String, Fault> {
            let mut values = self.0.context().of_slot(told.target).deployment(told.deployment);
            if let Some(release) = &told.release {
                values = values.release(release);
            }
            self.0.run("purge", &self.1, &values, op.budget).await
        }
    }

    /// One link, so that a script that is ended has made it or not.
    const PURGE: &str = r#"sleep 0.05; [ -e "purged-$1" ] || ln -s "$2" "purged-$1""#;

    bluegreen_testkit::hook_conformance!(async || {
        let folder = TempDir::new().unwrap();
        let path = folder.path().to_owned();
        let purge = script(&path, PURGE, &["{deployment}", "{slot}"]);
        let ran = path.clone();
        HookSubject::new(Commanded(CommandHook::new(context(&path)), purge))
            .ran(async move || {
                let names = fs::read_dir(&ran)
                    .unwrap()
                    .map(|entry| entry.unwrap().file_name());
                let purged = names.filter(|name| name.to_string_lossy().starts_with("purged-"));
                u32::try_from(purged.count()).unwrap()
            })
            .faults(async move |fault| fail(&path, fault))
            .secret(SECRET)
            .guard(folder)
    });
}

mod notifier {
    use super::*;

    bluegreen_testkit::notifier_conformance!(async || {
        let folder = TempDir::new().unwrap();
        let path = folder.path().to_owned();
        let notify = "[ -f hang ] && sleep 60; printf '%s\\n' \"$BLUEGREEN_NOTICE\" >> received";
        let (received, hanging) = (path.clone(), path.clone());
        NotifierSubject::new(CommandNotifier::new(script(&path, notify, &[]), context(&path)))
            .budget(Duration::from_secs(5))
            .received(async move || {
                let received = read(received.join("received")).unwrap_or_default();
                received.lines().map(str::to_owned).collect()
            })
            .hanging(async move || fs::write(hanging.join("hang"), "").unwrap())
            .faults(async move |fault| fail(&path, fault))
            .secret(SECRET)
            .guard(folder)
    });
}
