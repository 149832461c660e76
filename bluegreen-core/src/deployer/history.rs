//! What is known of now and of before: status, journals, reports.

use std::time::Duration;

use bytes::Bytes;

use super::lease::Held;
use super::record::{Record, unwritable};
use super::report::Timeline;
use super::{DeployError, Deployer, Report, Status};
use crate::lifecycle::{Entry, Lifecycle};
use crate::{Op, StoreError, Token};

impl Deployer {
    /// How things stand. Reads only.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn status(&self) -> Result<Status, DeployError> {
        let record = self.parts.load().await?.map(|(_, record)| record);
        let op = Op::new(Token::default(), "status", Duration::from_secs(10));
        let lifecycle = record
            .as_ref()
            .map(|record| Lifecycle::clone(record.lifecycle()))
            .unwrap_or_default();
        let (seen, way_back) =
            futures_util::join!(self.parts.observe_all(&op), self.parts.way_back(&lifecycle, &op));
        let lease = record.as_ref().and_then(|record| record.head.lease.as_ref());
        Ok(Status {
            service: self.parts.service.clone(),
            holder: lease.map(|lease| (lease.holder.to_string(), lease.since)),
            entries: record.as_ref().map(Record::entries).unwrap_or_default(),
            underway: record
                .as_ref()
                .map(|record| record.head.underway.to_vec())
                .unwrap_or_default(),
            way_back,
            lifecycle,
            routers: seen
                .into_iter()
                .map(|(name, seen)| (name, seen.map_err(|fault| fault.to_string())))
                .collect(),
            at: self.parts.clock.now(),
        })
    }

    /// The reports of ended operations, oldest first, at most `limit` of them, after operation number `after`.
    ///
    /// # Errors
    /// When the store cannot be read. A report that cannot be read is left out.
    pub async fn history(&self, after: Option<u64>, limit: usize) -> Result<Vec<Report>, DeployError> {
        let keys = &self.parts.keys;
        let found = self
            .parts
            .store
            .list(&keys.reports(), after.map(|number| keys.report(number)), limit)
            .await?;
        let mut reports = Vec::new();
        for key in found {
            let body = self.parts.store.get(&key).await?;
            reports.extend(body.and_then(|body| serde_json::from_slice(&body).ok()));
        }
        Ok(reports)
    }

    /// The journal of an operation, by its number.
    ///
    /// # Errors
    /// When the store cannot be read. Lines that cannot be read are left out.
    pub async fn journal(&self, number: u64) -> Result<Vec<Entry>, DeployError> {
        let mut entries = self.segments(number).await?;
        if let Some((_, record)) = self.parts.load().await? {
            let tail = record.entries().into_iter();
            entries.extend(tail.filter(|entry| entry.deployment.number() == number));
        }
        Ok(entries)
    }

    /// The part of a journal that has been put away.
    async fn segments(&self, number: u64) -> Result<Vec<Entry>, DeployError> {
        const SEGMENTS: usize = 10_000;
        let mut entries = Vec::new();
        for key in self
            .parts
            .store
            .list(&self.parts.keys.segments(number), None, SEGMENTS)
            .await?
        {
            let body = self.parts.store.get(&key).await?.unwrap_or_default();
            entries.extend(
                body.split(|byte| *byte == b'\n')
                    .filter_map(|line| serde_json::from_slice(line).ok()),
            );
        }
        Ok(entries)
    }

    pub(super) async fn report_of(&self, number: u64) -> Result<Option<Report>, DeployError> {
        let body = self.parts.store.get(&self.parts.keys.report(number)).await?;
        Ok(body.and_then(|body| serde_json::from_slice(&body).ok()))
    }

    /// The phases of an operation that others have worked on too, from its journal.
    async fn timeline(&self, held: &Held, number: u64) -> Result<Timeline, DeployError> {
        let mut timeline = Timeline::default();
        let put_away = self.segments(number).await?;
        for entry in put_away.iter().chain(&held.tail().await?) {
            if entry.deployment.number() == number {
                timeline.push(entry);
            }
        }
        Ok(timeline)
    }

    /// Puts the report of an ended operation into the history, once.
    pub(super) async fn file_report(&self, held: &Held) -> Result<Option<Report>, DeployError> {
        let Some(run) = held.lifecycle().run() else {
            return Ok(None);
        };
        let number = run.id.number();
        if let Some(report) = self.report_of(number).await? {
            return Ok(Some(report));
        }
        let timeline = match held.timeline() {
            Some(timeline) => timeline.clone(),
            None => self.timeline(held, number).await?,
        };
        let slots = held.lifecycle().slots();
        let report = Report::new(self.parts.service.clone(), slots, run, timeline, held.writes());
        if run.end.is_some() {
            // What a report needs, generously.
            let mut body = Vec::with_capacity(8 * 1024);
            serde_json::to_writer(&mut body, &report).map_err(|error| unwritable(&error))?;
            match self
                .parts
                .store
                .put_new(&self.parts.keys.report(number), Bytes::from(body))
                .await
            {
                Ok(()) | Err(StoreError::Conflict { .. }) => {}
                // The operation is over all the same, and its journal is complete.
                Err(error) => tracing::warn!(%error, "the report could not be written"),
            }
        }
        Ok(Some(report))
    }

    /// Files the report of what was driven, and gives the lease back.
    pub(super) async fn conclude(&self, held: Held) -> Result<Report, DeployError> {
        let report = self.file_report(&held).await?;
        held.release().await?;
        report.ok_or_else(|| DeployError::NothingToDo("nothing has been deployed yet".to_owned()))
    }
}
