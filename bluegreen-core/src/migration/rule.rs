//! What a rule is.

use std::fmt;

use super::effect::{self, Hold};
use super::finding::{Finding, Kind, Severity};
use super::schema::Schema;
use super::server::{Engine, Server, ServerVersion};
use super::source::Span;
use super::statement::{Change, Located, ObjectName, Statement};
use super::tools;
use super::transaction::Transaction;
use crate::MigrationPhase;

/// A rule: it looks at a statement and says what is wrong with it.
///
/// ```
/// use bluegreen_core::migration::{
///     About, Change, Engine, Example, Findings, Kind, Linter, Located, MigrationRule, Server, Severity, Site, Verdict,
/// };
///
/// /// Tables of this team carry its name.
/// #[derive(Debug)]
/// struct TeamPrefix;
///
/// static ABOUT: About = About::new("team-prefix", Kind::Style, Severity::Unsafe, "A table without the team's name")
///     .examples(&[Example::bad("CREATE TABLE orders (id int)"), Example::good("CREATE TABLE shop_orders (id int)")]);
///
/// impl MigrationRule for TeamPrefix {
///     fn about(&self) -> &'static About {
///         &ABOUT
///     }
///
///     fn change(&self, located: &Located, _: &Site<'_>, findings: &mut Findings<'_>) {
///         if let Change::CreateTable(table) = &located.change
///             && !table.table.name.as_str().starts_with("shop_")
///         {
///             findings.report(located.span, "call it shop_…");
///         }
///     }
/// }
///
/// let linter = Linter::new(Server::newest(Engine::Postgres)).rule(TeamPrefix);
/// assert_eq!(linter.check("CREATE TABLE orders (id int)").verdict, Verdict::Unsafe);
/// assert_eq!(linter.check("CREATE TABLE shop_orders (id int)").verdict, Verdict::Safe);
/// ```
pub trait MigrationRule: fmt::Debug + Send + Sync {
    /// What it is: its name, what it knows and from where, with SQL that it finds and SQL that it does not.
    fn about(&self) -> &'static About;

    /// Looks at one change of a statement.
    fn change(&self, located: &Located, site: &Site<'_>, findings: &mut Findings<'_>) {
        let _ = (located, site, findings);
    }

    /// Looks at a statement as a whole, after its changes.
    fn statement(&self, site: &Site<'_>, findings: &mut Findings<'_>) {
        let _ = (site, findings);
    }
}

/// What a rule is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its id, as it stands in reports and in comments that switch it off.
    pub id: &'static str,
    /// What its findings are about.
    pub kind: Kind,
    /// How much they weigh.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub title: &'static str,
    /// Why: what the server does.
    pub why: &'static str,
    /// From where that is known.
    pub source: &'static str,
    /// For which engines it is, and from which version to before which; empty: for all.
    pub servers: &'static [Range],
    /// The phases in which the same is right, as soon as their preconditions hold.
    pub right_in: &'static [MigrationPhase],
    /// SQL that it finds, and SQL that it does not. They are run as tests.
    pub examples: &'static [Example],
}

/// An engine from a version to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    engine: Engine,
    from: Option<ServerVersion>,
    before: Option<ServerVersion>,
}

impl Range {
    /// All versions of an engine.
    #[must_use]
    pub const fn all(engine: Engine) -> Self {
        Self {
            engine,
            from: None,
            before: None,
        }
    }

    /// From a version on.
    #[must_use]
    pub const fn from(mut self, version: ServerVersion) -> Self {
        self.from = Some(version);
        self
    }

    /// Before a version.
    #[must_use]
    pub const fn before(mut self, version: ServerVersion) -> Self {
        self.before = Some(version);
        self
    }

    /// Whether a server is in it.
    #[must_use]
    pub fn holds(&self, server: Server) -> bool {
        self.engine == server.engine
            && self.from.is_none_or(|from| server.version >= from)
            && self.before.is_none_or(|before| server.version < before)
    }
}

/// PostgreSQL, every version.
pub const POSTGRES: &[Range] = &[Range::all(Engine::Postgres)];
/// MySQL and MariaDB, every version.
pub const MYSQL: &[Range] = &[Range::all(Engine::Mysql), Range::all(Engine::Mariadb)];

impl About {
    /// What is needed at least; it is for every engine and right in no phase.
    #[must_use]
    pub const fn new(id: &'static str, kind: Kind, severity: Severity, title: &'static str) -> Self {
        Self {
            id,
            kind,
            severity,
            title,
            why: "",
            source: "",
            servers: &[],
            right_in: &[],
            examples: &[],
        }
    }

    /// With what the server does.
    #[must_use]
    pub const fn why(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }

    /// With where that is known from.
    #[must_use]
    pub const fn source(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }

    /// For these servers only.
    #[must_use]
    pub const fn servers(mut self, servers: &'static [Range]) -> Self {
        self.servers = servers;
        self
    }

    /// With the phases in which it is right.
    #[must_use]
    pub const fn right_in(mut self, phases: &'static [MigrationPhase]) -> Self {
        self.right_in = phases;
        self
    }

    /// With SQL that it finds and SQL that it does not.
    #[must_use]
    pub const fn examples(mut self, examples: &'static [Example]) -> Self {
        self.examples = examples;
        self
    }

    /// Whether it is for a server.
    #[must_use]
    pub fn is_for(&self, server: Server) -> bool {
        self.servers.is_empty() || self.servers.iter().any(|range| range.holds(server))
    }
}

/// SQL that shows a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// The SQL.
    pub sql: &'static str,
    /// Whether the rule finds something in it.
    pub found: bool,
    /// The schema before it.
    pub setup: &'static str,
    /// The engine; the first one that the rule is for, when none is said.
    pub engine: Option<Engine>,
    /// The version of the engine; the newest when none is said.
    pub version: Option<ServerVersion>,
}

impl Example {
    /// SQL in which the rule finds something.
    #[must_use]
    pub const fn bad(sql: &'static str) -> Self {
        Self {
            sql,
            found: true,
            setup: "",
            engine: None,
            version: None,
        }
    }

    /// SQL in which it does not.
    #[must_use]
    pub const fn good(sql: &'static str) -> Self {
        Self {
            sql,
            found: false,
            setup: "",
            engine: None,
            version: None,
        }
    }

    /// On this schema.
    #[must_use]
    pub const fn after(mut self, setup: &'static str) -> Self {
        self.setup = setup;
        self
    }

    /// On this engine.
    #[must_use]
    pub const fn on(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// On this version of the engine.
    #[must_use]
    pub const fn version(mut self, major: u16, minor: u16, patch: u16) -> Self {
        self.version = Some(ServerVersion::new(major, minor, patch));
        self
    }
}

/// Where a rule looks: a statement, and all that is known when it runs.
#[derive(Debug)]
pub struct Site<'a> {
    /// Which server.
    pub server: Server,
    /// The schema before the change, or for the statement as a whole before the statement.
    pub schema: &'a Schema,
    /// The text of the script.
    pub text: &'a str,
    /// All statements of the script.
    pub script: &'a [Statement],
    /// Which of them is looked at.
    pub at: usize,
    /// The transaction in which it runs, as far as the script tells.
    pub transaction: &'a Transaction,
}

impl<'a> Site<'a> {
    /// The statement that is looked at.
    #[must_use]
    pub fn statement(&self) -> Option<&'a Statement> {
        self.script.get(self.at)
    }

    /// The statements that follow, nearest first.
    pub fn following(&self) -> impl Iterator<Item = &'a Statement> {
        self.script.iter().skip(self.at + 1)
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        self.server.engine
    }

    /// As it is written in the script.
    #[must_use]
    pub fn source(&self, span: Span) -> &'a str {
        span.of(self.text)
    }

    /// Whether somebody else may use a table: nobody uses what this release makes.
    #[must_use]
    pub fn is_used(&self, table: &ObjectName) -> bool {
        !self.schema.is_new(table)
    }

    /// Whether somebody else may use the rows of a table: not those in which a migration tool notes what it
    /// has applied.
    #[must_use]
    pub fn has_rows_of_others(&self, table: &ObjectName) -> bool {
        self.is_used(table) && !tools::is_journal(table)
    }

    /// Whether two names mean one thing: `orders` and `public.orders`.
    #[must_use]
    pub fn same(&self, a: &ObjectName, b: &ObjectName) -> bool {
        a.name == b.name && self.schema.name_of(a) == self.schema.name_of(b)
    }

    /// The locks that a change takes.
    #[must_use]
    pub fn holds(&self, change: &Change) -> Vec<Hold> {
        effect::holds(change, self.schema, self.server)
    }

    /// The lock of a change for which others wait longer than a moment, when there is one.
    #[must_use]
    pub fn blocking(&self, change: &Change) -> Option<Hold> {
        self.holds(change).into_iter().find(Hold::blocks_long)
    }
}

/// Where a rule puts what it finds.
#[derive(Debug)]
pub struct Findings<'a> {
    pub(super) about: &'static About,
    pub(super) severity: Severity,
    pub(super) found: &'a mut Vec<Finding>,
}

impl Findings<'_> {
    /// Says what is wrong, and with which part of the script.
    pub fn report(&mut self, span: Span, message: impl Into<String>) -> Reported<'_> {
        self.found.push(Finding {
            rule: self.about.id.to_owned(),
            kind: self.about.kind,
            severity: self.severity,
            span,
            line: 0,
            message: message.into(),
            rewrite: None,
            lock: None,
            rows: None,
            allowed: None,
        });
        Reported(self.found.last_mut())
    }
}

/// A finding that was just reported, to say more of it.
#[derive(Debug)]
pub struct Reported<'a>(Option<&'a mut Finding>);

impl Reported<'_> {
    /// With SQL that does it safely.
    #[expect(clippy::return_self_not_must_use, reason = "the finding is reported already")]
    pub fn rewrite(mut self, sql: impl Into<String>) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.rewrite = Some(sql.into());
        }
        self
    }

    /// With the lock that decides.
    #[expect(
        clippy::return_self_not_must_use,
        clippy::must_use_candidate,
        reason = "the finding is reported already"
    )]
    pub fn hold(mut self, hold: Option<Hold>) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.lock = hold;
        }
        self
    }

    /// Only a warning, where the rule's weight is more.
    #[expect(
        clippy::return_self_not_must_use,
        clippy::must_use_candidate,
        reason = "the finding is reported already"
    )]
    pub fn warning(mut self) -> Self {
        if let Some(finding) = &mut self.0 {
            finding.severity = finding.severity.min(Severity::Warning);
        }
        self
    }
}
