//! Statements that releases were seen to send, proved on a scratch database.

use super::CheckedMigrator;
use super::history::History;
use crate::lifecycle::Slots;
use crate::migration::proof::{Proof, recorded};
use crate::migration::{Migration, NEEDS_STATEMENTS_FILE};
use crate::{Assignment, Fault, MigrationPhase, Op, Verdict};

impl CheckedMigrator {
    /// What a server says of the recorded statements of the live release and of the one that is to be deployed,
    /// before and after its new expand migrations. `None` where there is no scratch database, or no release has
    /// recorded any.
    ///
    /// # Errors
    /// When the migrations cannot be read, the store or the server does not answer, or the server refuses one
    /// of the migrations.
    pub async fn prove(
        &self,
        op: &Op,
        assignment: &Assignment,
        slots: &Slots,
    ) -> Result<Option<Proof>, Fault> {
        let migrations = self.read(assignment)?;
        let live = slots.live().and_then(|slot| slots.get(slot).release.as_ref());
        let history = self
            .history(op, &migrations, live.map(|release| &release.version))
            .await?;
        self.proof(op, assignment, slots, &migrations, &history).await
    }

    pub(super) async fn proof(
        &self,
        op: &Op,
        assignment: &Assignment,
        slots: &Slots,
        migrations: &[Migration],
        history: &History,
    ) -> Result<Option<Proof>, Fault> {
        let Some(scratch) = &self.scratch else {
            return Ok(None);
        };
        let live = slots.live().and_then(|slot| slots.get(slot).release.as_ref());
        let old = match live {
            Some(live) => self
                .manifests
                .of(&live.version)
                .await?
                .and_then(|kept| kept.statements),
            None => None,
        };
        let new = self.statements_of(assignment)?;
        if old.is_none() && new.is_none() {
            return Ok(None);
        }
        let engine = self.linter.server().engine;
        let read = |sql: Option<String>| recorded(&sql.unwrap_or_default(), engine);
        let sql = |has: bool| {
            let these = migrations.iter().filter(move |migration| {
                history.has(migration) == has && (has || migration.phase == MigrationPhase::Expand)
            });
            these.map(|migration| migration.sql.as_str()).collect::<Vec<_>>()
        };
        let (before, expand) = (sql(true), sql(false));
        Proof::of(&**scratch, op, (&before, &expand), (read(old), read(new)))
            .await
            .map(Some)
    }
}

/// What is told of a proof: a failure when a release would not find what its statements name.
pub(super) fn told(proof: &Proof) -> Verdict {
    let first = |whose: &str, found: &mut dyn Iterator<Item = String>| {
        let first = found.next()?;
        let more = match found.count() {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        Some(Verdict::fail(format!("{whose}: {first}{more}")))
    };
    let broken = first(
        "a statement of the live release",
        &mut proof.broken().map(ToString::to_string),
    );
    let unfounded = || {
        first(
            "a statement of this release on its own schema",
            &mut proof.unfounded().map(ToString::to_string),
        )
    };
    broken.or_else(unfounded).unwrap_or_else(|| {
        Verdict::pass(format!(
            "{} statements of the live release and {} of this one prepared on a scratch database ({} of these need the migrations first)",
            proof.old.len(),
            proof.new.len(),
            proof.ahead().count()
        ))
    })
}

/// Longer recordings are not kept beside the records; nothing is proved with them.
const STATEMENTS_BYTES_MAX: usize = 256 * 1024;

/// The statements of a release, as they are kept.
pub(super) fn kept(statements: Option<String>) -> Option<String> {
    statements.filter(|statements| {
        let fits = statements.len() <= STATEMENTS_BYTES_MAX;
        if !fits {
            tracing::warn!(
                "{NEEDS_STATEMENTS_FILE} is longer than {STATEMENTS_BYTES_MAX} bytes, and is not kept"
            );
        }
        fits
    })
}
