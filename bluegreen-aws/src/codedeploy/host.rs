//! The host on CodeDeploy.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_codedeploy::Client;
use aws_sdk_codedeploy::types::{
    AutoRollbackConfiguration, DeploymentGroupInfo, DeploymentInfo, DeploymentStatus, FileExistsBehavior,
    TimeRange,
};
use aws_smithy_types::DateTime;
use bluegreen_core::{Assignment, Fault, FaultKind, Host, Op, Readiness, ReadyState, Slot, Timestamp};
use serde::{Deserialize, Serialize};

use super::bundle::{Bundle, BundleTemplate};
use super::{SERVICE, evidence, group};
use crate::account::{Account, Call, SdkFailure, Urgency};
use crate::per_slot::PerSlot;

/// How long a request that was given up may still be on its way.
const SETTLE: Duration = Duration::from_secs(30);
/// Between two looks at a deployment.
const POLL: Duration = Duration::from_secs(3);
/// How far our clock and that of the service may be apart when our deployment is looked for.
const SKEW: Duration = Duration::from_hours(1);
/// The most deployments that are asked for in one batch, by the service's limit.
const BATCH: usize = 25;

/// What becomes of a slot that is retired. CodeDeploy itself stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenRetired {
    /// Its machines go on running what they run, without traffic, and [`readiness`](Host::readiness) goes on to say
    /// so. Where an [`AutoScalingHost`](crate::autoscaling::AutoScalingHost) is around it, that ends the machines.
    GoesOn,
    /// This bundle is deployed, whose `appspec.yml` stops the service.
    Deploys(Bundle),
}

/// Runs releases on the machines of two deployment groups, one for each slot.
///
/// A deployment is found again by its description, which names the deployment and the slot, so that a call that is
/// sent again begins nothing anew. Automatic rollbacks of CodeDeploy are switched off for it: whether to go back is
/// decided elsewhere, and a rollback that succeeds would look like a release that does.
///
/// Groups that control traffic themselves are refused: `WITH_TRAFFIC_CONTROL`, `BLUE_GREEN`, a load balancer in the
/// group, ECS and Lambda.
///
/// When a deployment is aborted before it is ready, what CodeDeploy has begun goes on until the next
/// [`deploy`](Host::deploy) or [`retire`](Host::retire) of the slot stops it, or [`stop`](Self::stop) does.
///
/// ```
/// # use aws_config::{BehaviorVersion, SdkConfig};
/// use bluegreen_aws::codedeploy::{CodeDeployHost, WhenRetired};
/// use bluegreen_aws::{Account, PerSlot};
///
/// # let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
/// let groups = PerSlot::new("blue".to_owned(), "green".to_owned());
/// let bundles = "s3://fixit-artifacts/api/{version}.zip".parse()?;
/// let host = CodeDeployHost::new(&Account::new(&config), "fixit-api", groups, bundles)
///     .when_retired(WhenRetired::Deploys("s3://fixit-artifacts/stop.zip".parse()?));
/// # drop(host);
/// # Ok::<(), bluegreen_aws::codedeploy::InvalidBundle>(())
/// ```
#[derive(Debug, Clone)]
pub struct CodeDeployHost {
    account: Account,
    pub(super) client: Client,
    application: String,
    groups: PerSlot<String>,
    bundles: BundleTemplate,
    when_retired: WhenRetired,
    configuration: Option<String>,
    overwrites: bool,
    settle: Duration,
    poll: Duration,
    /// A group has one deployment at a time: so has this host.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Set when both groups were seen to fit.
    fits: Arc<tokio::sync::OnceCell<()>>,
}

impl CodeDeployHost {
    /// A host of an application and its two groups.
    #[must_use]
    pub fn new(
        account: &Account,
        application: impl Into<String>,
        groups: PerSlot<String>,
        bundles: BundleTemplate,
    ) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            application: application.into(),
            groups,
            bundles,
            when_retired: WhenRetired::GoesOn,
            configuration: None,
            overwrites: false,
            settle: SETTLE,
            poll: POLL,
            turn: Arc::default(),
            fits: Arc::default(),
        }
    }

    /// What becomes of a slot that is retired; its machines go on if nothing is said.
    #[must_use]
    pub fn when_retired(mut self, then: WhenRetired) -> Self {
        self.when_retired = then;
        self
    }

    /// With another deployment configuration than the group's: `CodeDeployDefault.AllAtOnce` is right for a slot
    /// without traffic.
    #[must_use]
    pub fn configuration(mut self, name: impl Into<String>) -> Self {
        self.configuration = Some(name.into());
        self
    }

    /// Overwrites files that are there and come from no earlier deployment; else the deployment fails.
    #[must_use]
    pub const fn overwriting(mut self) -> Self {
        self.overwrites = true;
        self
    }

    /// How long a deploy that was given up may still take effect; half a minute if nothing is said.
    #[must_use]
    pub const fn settle_time(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The time between two looks at a deployment; three seconds if nothing is said.
    #[must_use]
    pub const fn poll(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    /// Stops a deployment of ours that is under way in a slot, for instance after an abort, and waits until it has
    /// stopped. Does nothing when none is.
    ///
    /// # Errors
    /// `Unavailable` while somebody else's is under way, or when the time is over before it has stopped.
    pub async fn stop(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let call = self.begin(op, slot);
        let _turn = self.turn.lock().await;
        self.clear_way(&call, slot).await
    }

    fn begin(&self, op: &Op, slot: Slot) -> Call {
        let resource = format!("{}/{}", self.application, self.groups.get(slot));
        self.account.begin(op, Urgency::Routine, SERVICE, resource)
    }

    async fn group(&self, call: &Call, slot: Slot) -> Result<DeploymentGroupInfo, Fault> {
        const OPERATION: &str = "GetDeploymentGroup";
        let request = self
            .client
            .get_deployment_group()
            .application_name(&self.application)
            .deployment_group_name(self.groups.get(slot));
        let answer = call.read(OPERATION, request.send()).await?;
        let group = answer.deployment_group_info;
        let group = group.ok_or_else(|| call.unfit(OPERATION, "the answer has no group"))?;
        match group::unfit(&group) {
            Some(why) => Err(call.unfit(OPERATION, why)),
            None => Ok(group),
        }
    }

    async fn deployment(&self, call: &Call, id: &str) -> Result<DeploymentInfo, Fault> {
        const OPERATION: &str = "GetDeployment";
        let request = self.client.get_deployment().deployment_id(id);
        let answer = call.read(OPERATION, request.send()).await?;
        let info = answer.deployment_info;
        info.ok_or_else(|| call.unfit(OPERATION, "the answer has no deployment"))
    }

    /// Whether a deployment with this mark was begun. In which order they are listed is not documented, so all
    /// are looked at that are young enough.
    async fn is_begun(&self, call: &Call, slot: Slot, mark: &str, since: Timestamp) -> Result<bool, Fault> {
        let skew = i64::try_from(SKEW.as_millis()).unwrap_or(0);
        let start = DateTime::from_millis(since.as_millis().saturating_sub(skew));
        let mut pages = None;
        loop {
            let request = self
                .client
                .list_deployments()
                .application_name(&self.application)
                .deployment_group_name(self.groups.get(slot))
                .create_time_range(TimeRange::builder().start(start).build())
                .set_next_token(pages);
            let page = call.read("ListDeployments", request.send()).await?;
            for ids in page.deployments().chunks(BATCH) {
                let request = self
                    .client
                    .batch_get_deployments()
                    .set_deployment_ids(Some(ids.to_vec()));
                let batch = call.read("BatchGetDeployments", request.send()).await?;
                if batch
                    .deployments_info()
                    .iter()
                    .any(|found| group::has_mark(found, mark))
                {
                    return Ok(true);
                }
            }
            pages = page.next_token;
            if pages.is_none() {
                return Ok(false);
            }
        }
    }

    /// Waits until nothing is under way in a group; what is ours and was given up is stopped.
    async fn clear_way(&self, call: &Call, slot: Slot) -> Result<(), Fault> {
        let mut has_stopped = None;
        loop {
            let group = self.group(call, slot).await?;
            let Some(id) = group::newest(&group) else {
                return Ok(());
            };
            let newest = self.deployment(call, id).await?;
            if !group::is_active(&newest) {
                return Ok(());
            }
            if group::is_ours(&newest) {
                if has_stopped.as_deref() != Some(id) {
                    self.request_stop(call, id).await?;
                    has_stopped = Some(id.to_owned());
                }
            } else if !group::is_of_scaling(&newest) {
                let message = format!("somebody else's deployment {} is under way", group::what(&newest));
                return Err(busy(call, message));
            }
            if !call.pause(self.poll).await {
                return Err(busy(
                    call,
                    format!("deployment {} is still under way", group::what(&newest)),
                ));
            }
        }
    }

    /// One that has ended meanwhile needs no stop. CodeDeploy's own way back stays off.
    async fn request_stop(&self, call: &Call, id: &str) -> Result<(), Fault> {
        let request = self
            .client
            .stop_deployment()
            .deployment_id(id)
            .auto_rollback_enabled(false);
        let stop = async {
            match request.send().await {
                Err(error) if error.code() == Some("DeploymentAlreadyCompletedException") => Ok(()),
                answer => answer.map(drop),
            }
        };
        call.change("StopDeployment", stop).await
    }

    async fn create(&self, call: &Call, slot: Slot, bundle: &Bundle, mark: String) -> Result<String, Fault> {
        const OPERATION: &str = "CreateDeployment";
        let mut request = self
            .client
            .create_deployment()
            .application_name(&self.application)
            .deployment_group_name(self.groups.get(slot))
            .revision(bundle.location())
            .description(mark)
            .set_deployment_config_name(self.configuration.clone())
            .auto_rollback_configuration(AutoRollbackConfiguration::builder().enabled(false).build());
        if self.overwrites {
            request = request.file_exists_behavior(FileExistsBehavior::Overwrite);
        }
        let create = async {
            match request.send().await {
                // Another one was quicker, and it says so with a status that means "refused".
                Err(error) if error.code() == Some("DeploymentLimitExceededException") => Ok(None),
                answer => answer.map(Some),
            }
        };
        let Some(answer) = call.change(OPERATION, create).await? else {
            return Err(busy(call, "another deployment has just begun".to_owned()));
        };
        let id = answer.deployment_id;
        id.ok_or_else(|| call.fault(FaultKind::Unknown, OPERATION, "the answer has no id"))
    }

    /// Deploys what stops the service, once, and waits until it has.
    async fn stop_service(&self, call: &Call, slot: Slot, bundle: &Bundle) -> Result<(), Fault> {
        let group = self.group(call, slot).await?;
        let Some(newest) = group::newest(&group) else {
            return Ok(());
        };
        let newest = self.deployment(call, newest).await?;
        let mark = group::mark_of_stop(slot);
        let has_failed = matches!(
            newest.status(),
            Some(DeploymentStatus::Failed | DeploymentStatus::Stopped)
        );
        let id = match newest.deployment_id() {
            Some(id) if group::has_mark(&newest, &mark) && !has_failed => id.to_owned(),
            _ => {
                self.clear_way(call, slot).await?;
                self.create(call, slot, bundle, mark).await?
            }
        };
        loop {
            let stopping = self.deployment(call, &id).await?;
            match stopping.status() {
                Some(DeploymentStatus::Succeeded) if group::incomplete(&stopping) == 0 => return Ok(()),
                Some(DeploymentStatus::Succeeded | DeploymentStatus::Failed | DeploymentStatus::Stopped) => {
                    let why = evidence::of(call, &self.client, &stopping).await;
                    let message = format!("deployment {id}, which stops the service, has failed{why}");
                    return Err(call.unfit("GetDeployment", message));
                }
                _ => {}
            }
            if !call.pause(self.poll).await {
                return Err(busy(
                    call,
                    format!("deployment {id}, which stops the service, is under way"),
                ));
            }
        }
    }
}

fn busy(call: &Call, message: String) -> Fault {
    call.fault(
        FaultKind::Unavailable { retry_after: None },
        "CreateDeployment",
        message,
    )
}

#[async_trait]
impl Host for CodeDeployHost {
    async fn deploy(&self, op: &Op, assignment: &Assignment) -> Result<(), Fault> {
        let slot = assignment.slot;
        let call = self.begin(op, slot);
        let bundle = self.bundles.of(&assignment.release);
        let bundle = bundle.map_err(|error| call.unfit("CreateDeployment", error.to_string()))?;
        let _turn = self.turn.lock().await;
        // Refuses a group that does not fit.
        self.group(&call, slot).await?;
        let mark = group::mark(assignment);
        if self
            .is_begun(&call, slot, &mark, assignment.deployment.began())
            .await?
        {
            return Ok(());
        }
        self.clear_way(&call, slot).await?;
        self.create(&call, slot, &bundle, mark).await.map(drop)
    }

    async fn readiness(&self, op: &Op, slot: Slot) -> Result<Readiness, Fault> {
        let call = self.begin(op, slot);
        let group = self.group(&call, slot).await?;
        // Before anything is touched only the live slot is asked for, and the other has to fit as well.
        let other = self.group(&call, slot.other());
        self.fits
            .get_or_try_init(|| async { other.await.map(drop) })
            .await?;
        let Some(newest) = group::newest(&group) else {
            return Ok(Readiness::new(
                ReadyState::Stopped,
                "nothing was deployed to the group yet",
            ));
        };
        let newest = self.deployment(&call, newest).await?;
        let good = group::newest_good(&group);
        if let (true, Some(good)) = (group::is_of_scaling(&newest), good) {
            // It is about single machines: what the slot runs is what succeeded last.
            let good = self.deployment(&call, good).await?;
            let mut judged = self.judge(&call, &good, slot).await;
            judged.instances = None;
            let begun = group::what(&newest);
            judged.evidence = format!("{}; Auto Scaling has begun {begun}", judged.evidence);
            return Ok(judged);
        }
        Ok(self.judge(&call, &newest, slot).await)
    }

    /// Machines are not counted by CodeDeploy: nothing is done.
    async fn standby(&self, _: &Op, _: Slot) -> Result<(), Fault> {
        Ok(())
    }

    async fn retire(&self, op: &Op, slot: Slot) -> Result<(), Fault> {
        let call = self.begin(op, slot);
        let _turn = self.turn.lock().await;
        match &self.when_retired {
            WhenRetired::GoesOn => self.clear_way(&call, slot).await,
            WhenRetired::Deploys(bundle) => self.stop_service(&call, slot, bundle).await,
        }
    }

    fn settle(&self) -> Duration {
        self.settle
    }
}
