//! Elastic Container Registry: which images there are.
//!
//! Written from the [API reference](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/Welcome.html).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::FakeAws;
use super::cloud::{Cloud, State as Account};
use super::wire::{Answer, Answered, Asked, Refusal};
use crate::lock::held;

/// The tags in each repository.
#[derive(Debug, Default)]
pub(super) struct State {
    repositories: BTreeMap<String, BTreeSet<String>>,
}

pub(super) fn answer(cloud: &Cloud, account: &mut Account, asked: &Asked) -> Answered {
    if asked.action != "DescribeImages" {
        return Err(Refusal::new("UnknownOperationException", ""));
    }
    let body: Value = serde_json::from_slice(&asked.body)
        .map_err(|error| Refusal::new("SerializationException", error.to_string()))?;
    let name = body
        .get("repositoryName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let registry = &cloud.config.account;
    let tags = account.ecr.repositories.get(name).ok_or_else(|| {
        let message =
            format!("The repository with name '{name}' does not exist in the registry with id '{registry}'");
        Refusal::new("RepositoryNotFoundException", message)
    })?;
    let mut found = Vec::new();
    for asked in body
        .get("imageIds")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let tag = asked["imageTag"].as_str().unwrap_or_default();
        // One that is missing spoils the whole answer.
        if !tags.contains(tag) {
            let message = format!(
                "The image with imageId {{imageDigest:'null', imageTag:'{tag}'}} does not exist within the repository \
                 with name '{name}' in the registry with id '{registry}'"
            );
            return Err(Refusal::new("ImageNotFoundException", message));
        }
        found.push(json!({
            "registryId": registry, "repositoryName": name, "imageTags": [tag],
            "imageDigest": format!("sha256:{:064x}", tag.len()), "imageSizeInBytes": 104_857_600,
            "imagePushedAt": 1_795_249_800.0,
        }));
    }
    Ok(Answer::json(&json!({"imageDetails": found})))
}

impl FakeAws {
    /// Pushes an image with a tag; the repository is made.
    pub fn add_image(&self, repository: &str, tag: &str) {
        let mut state = held(&self.cloud.state);
        let tags = state.ecr.repositories.entry(repository.to_owned()).or_default();
        tags.insert(tag.to_owned());
    }
}
