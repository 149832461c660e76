//! Elastic Container Registry: is the image there, before anything is touched?

use async_trait::async_trait;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::ImageIdentifier;
use bluegreen_core::{Fault, Gate, GateContext, Op, Verdict, Version};

use crate::account::{Account, Rate, SdkFailure, Service, Urgency};

const SERVICE: Service = Service {
    provider: "ecr",
    signed_as: "ecr",
    rate: Rate::a_second(5),
};

/// Whether a repository has an image with a version as its tag. For the checks before a deployment: in the plan a gate
/// by code in `preflight.checks`, and here the [`version`](Self::version) that is to be released, because those checks
/// are asked of the live slot. As a health gate it goes by the release of the slot that it is asked of.
///
/// ```
/// # use aws_config::{BehaviorVersion, SdkConfig};
/// use bluegreen_aws::Account;
/// use bluegreen_aws::ecr::ImageGate;
/// use bluegreen_core::Version;
/// use bluegreen_core::plan::GateSpec;
///
/// # let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
/// let in_plan = GateSpec::code("image");
/// let gate = ImageGate::new(&Account::new(&config), "image", "fixit/api").version(Version::new("1.4.0")?);
/// # drop((in_plan, gate));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ImageGate {
    account: Account,
    client: Client,
    name: String,
    repository: String,
    prefix: String,
    version: Option<Version>,
}

impl ImageGate {
    /// A gate of this name that looks into this repository.
    pub fn new(account: &Account, name: impl Into<String>, repository: impl Into<String>) -> Self {
        Self {
            client: Client::new(account.config()),
            account: account.clone(),
            name: name.into(),
            repository: repository.into(),
            prefix: String::new(),
            version: None,
        }
    }

    /// With something that stands before the version in a tag: `v`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Looks for this version, whatever runs in the slot that is asked about.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }
}

#[async_trait]
impl Gate for ImageGate {
    fn name(&self) -> &str {
        &self.name
    }

    async fn check(&self, op: &Op, context: &GateContext) -> Result<Verdict, Fault> {
        let call = self
            .account
            .begin(op, Urgency::Routine, SERVICE, &self.repository);
        let of_slot = context.release.as_ref().map(|release| &release.version);
        let Some(version) = self.version.as_ref().or(of_slot) else {
            return Ok(Verdict::inconclusive("it is not known which release is meant"));
        };
        let tag = format!("{}{version}", self.prefix);
        let request = self
            .client
            .describe_images()
            .repository_name(&self.repository)
            .image_ids(ImageIdentifier::builder().image_tag(&tag).build());
        let ask = async {
            match request.send().await {
                Err(error) if error.code() == Some("ImageNotFoundException") => Ok(None),
                answer => answer.map(Some),
            }
        };
        let answer = call.read("DescribeImages", ask).await?;
        let repository = &self.repository;
        let found = answer.as_ref().and_then(|answer| answer.image_details().first());
        Ok(match found {
            Some(image) => {
                let digest = image.image_digest().unwrap_or("without a digest");
                Verdict::pass(format!("{repository}:{tag} is there: {digest}"))
            }
            None => Verdict::fail(format!(
                "{repository} has no image with the tag {tag}: push it first"
            )),
        })
    }
}
