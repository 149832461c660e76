//! Checking migrations.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::deployments::{self, Deployments};
use super::effect::Work;
use super::finding::{Finding, Kind, Severity, Verdict};
use super::read;
use super::rule::{Findings, MigrationRule, Site};
use super::rules;
use super::schema::Schema;
use super::server::Server;
use super::size;
use super::source::{Marker, PieceKind, split};
use super::statement::Statement;
use super::transaction::Transaction;
use crate::MigrationPhase;

/// Checks migrations: knows the server, the phase in which they are to run, and the rules.
///
/// ```
/// use bluegreen_core::migration::{Engine, Linter, Server, Verdict};
///
/// let linter = Linter::new(Server::newest(Engine::Postgres));
/// let report = linter.check("ALTER TABLE orders DROP COLUMN note");
/// assert_eq!(report.verdict, Verdict::Unsafe);
/// assert_eq!(report.findings[0].rule, "drop-column");
///
/// // What was there before makes the verdict exact.
/// let linter = linter.schema("CREATE TABLE orders (note varchar(20))");
/// let widened = linter.check("ALTER TABLE orders ALTER COLUMN note TYPE varchar(50)");
/// assert_eq!(widened.verdict, Verdict::Safe);
/// ```
#[derive(Debug, Clone)]
pub struct Linter {
    server: Server,
    phase: MigrationPhase,
    rules: Vec<Arc<dyn MigrationRule>>,
    severities: HashMap<String, Severity>,
    schema: Schema,
    in_transaction: bool,
}

/// What was found in a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether it can run in the phase that it was checked for.
    pub verdict: Verdict,
    /// The one phase in which all of it is right; none when it has to be taken apart.
    pub phase: Option<MigrationPhase>,
    /// What was found, in the order of the text.
    pub findings: Vec<Finding>,
    /// How to do what is refused, where one release cannot do it at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<Deployments>,
    /// How many statements it has.
    pub statements: usize,
}

/// For more changes than these of one migration it is not told how to make them.
const DEPLOYMENTS_MAX: usize = 16;

impl Linter {
    /// A linter with every rule, for the expand phase, that knows nothing of the schema.
    #[must_use]
    pub fn new(server: Server) -> Self {
        Self {
            server,
            phase: MigrationPhase::Expand,
            rules: rules::all(),
            severities: HashMap::new(),
            schema: Schema::new(server.engine),
            in_transaction: false,
        }
    }

    /// For another phase.
    #[must_use]
    pub const fn phase(mut self, phase: MigrationPhase) -> Self {
        self.phase = phase;
        self
    }

    /// Whether the tool that runs the migration wraps it in a transaction.
    #[must_use]
    pub const fn in_transaction(mut self, wrapped: bool) -> Self {
        self.in_transaction = wrapped;
        self
    }

    /// With one more rule.
    #[must_use]
    pub fn rule(mut self, rule: impl MigrationRule + 'static) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    /// With another weight for a rule.
    #[must_use]
    pub fn severity(mut self, rule: impl Into<String>, severity: Severity) -> Self {
        self.severities.insert(rule.into(), severity);
        self
    }

    /// With more that is known of the schema: a dump, or migrations that ran before this release.
    #[must_use]
    pub fn schema(mut self, sql: &str) -> Self {
        self.replay(sql);
        self
    }

    /// With how many rows a table has, by its name, with the schema where that is not the usual one: what
    /// keeps others waiting for its length is then said with about how long, and is only a warning where that
    /// is a moment.
    ///
    /// ```
    /// use bluegreen_core::migration::{Engine, Linter, Server, Verdict};
    ///
    /// let linter = Linter::new(Server::newest(Engine::Postgres)).rows("regions", 300).rows("orders", 80_000_000);
    /// assert_eq!(linter.check("CREATE INDEX names ON regions (name)").verdict, Verdict::Safe);
    /// let long = linter.check("CREATE INDEX days ON orders (day)");
    /// assert_eq!(long.verdict, Verdict::Unsafe);
    /// assert!(long.findings[0].message.ends_with("(80000000 rows: minutes)"));
    /// ```
    #[must_use]
    pub fn rows(mut self, table: &str, rows: u64) -> Self {
        self.schema.set_rows(table, rows);
        self
    }

    /// Takes note of what ran before this release: a dump of the schema, an earlier migration.
    pub fn replay(&mut self, sql: &str) {
        let engine = self.server.engine;
        let schema = &mut self.schema;
        split(sql, engine, &mut |piece| {
            for located in read::statement(sql, engine, piece).changes {
                schema.apply(&located.change);
            }
        });
        schema.begin_release();
    }

    /// Like [`replay`](Self::replay), of a migration that was read before.
    pub fn replay_script(&mut self, script: &Script<'_>) {
        for located in script.statements.iter().flat_map(|statement| &statement.changes) {
            self.schema.apply(&located.change);
        }
        self.schema.begin_release();
    }

    /// For which server.
    #[must_use]
    pub const fn server(&self) -> Server {
        self.server
    }

    /// What is known of the schema.
    #[must_use]
    pub const fn known(&self) -> &Schema {
        &self.schema
    }

    /// The rules, in the order in which they look.
    pub fn rules(&self) -> impl Iterator<Item = &dyn MigrationRule> {
        self.rules.iter().map(AsRef::as_ref)
    }

    /// Checks one migration by itself.
    #[must_use]
    pub fn check(&self, sql: &str) -> Report {
        self.clone().check_next(sql)
    }

    /// Reads a migration. It needs nothing of what ran before, so that many can be read at once.
    #[must_use]
    pub fn read<'a>(&self, sql: &'a str) -> Script<'a> {
        Script::read(sql, self.server, self.in_transaction)
    }

    /// What is checked from now on belongs to another release than what was checked before.
    pub const fn begin_release(&mut self) {
        self.schema.begin_release();
    }

    /// Checks one migration, and remembers what it does: the next one of the same release runs after it.
    pub fn check_next(&mut self, sql: &str) -> Report {
        self.check_script(&self.read(sql))
    }

    /// Like [`check_next`](Self::check_next), of a migration that was read before.
    pub fn check_script(&mut self, script: &Script<'_>) -> Report {
        let sql = script.sql;
        let rules: Vec<(&dyn MigrationRule, Severity)> = self
            .rules
            .iter()
            .map(AsRef::as_ref)
            .filter(|rule| rule.about().is_for(self.server))
            .map(|rule| (rule, self.weight(rule)))
            .filter(|(_, severity)| *severity > Severity::Off)
            .collect();
        let mut found: Vec<Finding> = Vec::new();
        let mut deployments = Vec::new();
        let mut transaction = Transaction {
            open: script.wrapped,
            ..Transaction::default()
        };
        for (at, statement) in script.statements.iter().enumerate() {
            let begin = found.len();
            for located in &statement.changes {
                let before = found.len();
                let site = self.site(script, at, &transaction);
                each(&rules, &mut found, |rule, findings| {
                    rule.change(located, &site, findings);
                });
                weigh_by_size(&self.schema, found.get_mut(before..).unwrap_or_default());
                let refused = found
                    .iter()
                    .skip(before)
                    .any(|finding| finding.severity == Severity::Unsafe);
                if refused && deployments.len() < DEPLOYMENTS_MAX {
                    deployments.extend(deployments::of(&located.change, &self.schema, self.server));
                }
                transaction.follow(&located.change, &self.schema, self.server, script.wrapped);
                self.schema.apply(&located.change);
            }
            let site = self.site(script, at, &transaction);
            each(&rules, &mut found, |rule, findings| {
                rule.statement(&site, findings);
            });
            allow(statement, found.get_mut(begin..).unwrap_or_default());
        }
        found.sort_by_key(|finding| finding.span);
        number_lines(sql, &mut found);
        Report {
            verdict: Verdict::of(&found),
            phase: self.phase_of(&found),
            findings: found,
            deployments,
            statements: script.statements.len(),
        }
    }

    fn site<'a>(&'a self, script: &'a Script<'_>, at: usize, transaction: &'a Transaction) -> Site<'a> {
        Site {
            server: self.server,
            schema: &self.schema,
            text: script.sql,
            script: &script.statements,
            at,
            transaction,
        }
    }

    fn weight(&self, rule: &dyn MigrationRule) -> Severity {
        let about = rule.about();
        if let Some(severity) = self.severities.get(about.id) {
            return *severity;
        }
        // What is right in the phase is told, so that its precondition is thought of, and not refused.
        if about.right_in.contains(&self.phase) {
            about.severity.min(Severity::Warning)
        } else {
            about.severity
        }
    }

    /// The one phase in which nothing of what was found is wrong.
    fn phase_of(&self, found: &[Finding]) -> Option<MigrationPhase> {
        let mut phase = MigrationPhase::Expand;
        for finding in found.iter().filter(|finding| finding.allowed.is_none()) {
            let Some(rule) = self.rules.iter().find(|rule| rule.about().id == finding.rule) else {
                continue;
            };
            let about = rule.about();
            if about.severity != Severity::Unsafe || is_short(finding) {
                continue;
            }
            let right = about.right_in.first()?;
            if phase == MigrationPhase::Expand {
                phase = *right;
            } else if !about.right_in.contains(&phase) {
                return None;
            }
        }
        Some(phase)
    }
}

/// A migration that was read.
#[derive(Debug)]
pub struct Script<'a> {
    sql: &'a str,
    statements: Vec<Statement>,
    /// Whether the tool that runs it begins a transaction.
    wrapped: bool,
}

impl<'a> Script<'a> {
    /// Its statements.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether all of it runs in one transaction.
    #[must_use]
    pub const fn in_transaction(&self) -> bool {
        self.wrapped
    }

    fn read(sql: &'a str, server: Server, wrapped: bool) -> Self {
        let mut script = Self {
            sql,
            statements: Vec::new(),
            wrapped,
        };
        split(sql, server.engine, &mut |piece| match piece.kind {
            PieceKind::Marker(Marker::Up { transaction }) => script.wrapped = transaction,
            PieceKind::Marker(Marker::NoTransaction) => script.wrapped = false,
            PieceKind::Marker(Marker::Down) => {}
            PieceKind::Sql | PieceKind::Meta => {
                script.statements.push(read::statement(sql, server.engine, piece));
            }
        });
        script
    }
}

/// Asks each rule; what it finds has the rule's weight.
fn each(
    rules: &[(&dyn MigrationRule, Severity)],
    found: &mut Vec<Finding>,
    ask: impl Fn(&dyn MigrationRule, &mut Findings<'_>),
) {
    for (rule, severity) in rules {
        ask(
            *rule,
            &mut Findings {
                about: rule.about(),
                severity: *severity,
                found,
            },
        );
    }
}

/// Says of what keeps others waiting about how long it is, where it is known how large the table is.
fn weigh_by_size(schema: &Schema, found: &mut [Finding]) {
    for finding in found.iter_mut().filter(|finding| finding.kind == Kind::Blocking) {
        let Some(hold) = finding.lock.as_ref().filter(|hold| hold.work > Work::Instant) else {
            continue;
        };
        let Some(rows) = schema.rows(&hold.table) else {
            continue;
        };
        let words = size::words(hold.work, rows);
        finding.message = format!("{} ({words})", finding.message);
        finding.rows = Some(rows);
        if is_short(finding) {
            finding.severity = finding.severity.min(Severity::Warning);
        }
    }
}

/// Whether it is known that nobody notices the wait.
fn is_short(finding: &Finding) -> bool {
    match (&finding.lock, finding.rows) {
        (Some(hold), Some(rows)) => size::is_short(hold.work, rows),
        _ => false,
    }
}

/// Lets through what the comments of a statement allow.
fn allow(statement: &Statement, found: &mut [Finding]) {
    for allowance in &statement.allowances {
        for finding in found
            .iter_mut()
            .filter(|finding| allowance.rules.contains(&finding.rule))
        {
            if allowance.reason.is_empty() {
                finding
                    .message
                    .push_str(" (the comment that allows it gives no reason, so it does not)");
            } else {
                finding.allowed = Some(allowance.reason.clone());
            }
        }
    }
}

/// The findings are sorted, so that the text is walked through once.
fn number_lines(sql: &str, found: &mut [Finding]) {
    let mut line = 1;
    let mut at = 0;
    for finding in found {
        let until = finding.span.start.min(sql.len());
        let between = sql.as_bytes().get(at..until).unwrap_or_default();
        line += between.split(|byte| *byte == b'\n').count().saturating_sub(1);
        at = at.max(until);
        finding.line = line;
    }
}
