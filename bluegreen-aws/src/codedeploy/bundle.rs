//! Where a revision is: a bundle in S3.

use std::str::FromStr;

use aws_sdk_codedeploy::types::{BundleType, RevisionLocation, RevisionLocationType, S3Location};
use bluegreen_core::Release;
use serde::{Deserialize, Serialize};

/// A bundle in S3: `s3://bucket/key`, ending with `.zip`, `.tar`, `.tgz` or `.tar.gz`.
///
/// ```
/// use bluegreen_aws::codedeploy::Bundle;
///
/// let bundle: Bundle = "s3://fixit-artifacts/api/1.4.0.zip".parse()?;
/// assert_eq!((bundle.bucket(), bundle.key()), ("fixit-artifacts", "api/1.4.0.zip"));
/// assert!("fixit-artifacts/api/1.4.0.zip".parse::<Bundle>().is_err());
/// # Ok::<(), bluegreen_aws::codedeploy::InvalidBundle>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bundle {
    bucket: String,
    key: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Zip,
    Tar,
    Tgz,
}

/// A text that names no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBundle {
    /// It is not `s3://bucket/key`.
    #[error("{0:?} is no place of a bundle: write s3://bucket/key")]
    Place(String),
    /// Its end says nothing of its kind.
    #[error("what kind of bundle {0:?} is cannot be told: let it end with .zip, .tar, .tgz or .tar.gz")]
    Kind(String),
    /// Every release would get the same bundle.
    #[error("{0:?} is the same for every release: write {{version}} where it differs")]
    NoVersion(String),
}

impl FromStr for Bundle {
    type Err = InvalidBundle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let place = || InvalidBundle::Place(crate::account::bounded(text));
        let (bucket, key) = text
            .strip_prefix("s3://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(place)?;
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
        let in_bucket =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-".contains(letter);
        let fits = (3..=63).contains(&bucket.len())
            && bucket.chars().all(in_bucket)
            && (1..=1024).contains(&key.len())
            && !key.chars().any(char::is_control);
        if !fits {
            return Err(place());
        }
        let ends = |end: &str| key.ends_with(end);
        let kind = if ends(".zip") {
            Kind::Zip
        } else if ends(".tar") {
            Kind::Tar
        } else if ends(".tgz") || ends(".tar.gz") {
            Kind::Tgz
        } else {
            return Err(InvalidBundle::Kind(crate::account::bounded(text)));
        };
        Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            kind,
        })
    }
}

impl TryFrom<String> for Bundle {
    type Error = InvalidBundle;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Bundle> for String {
    fn from(bundle: Bundle) -> Self {
        format!("s3://{}/{}", bundle.bucket, bundle.key)
    }
}

impl Bundle {
    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key in it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn location(&self) -> RevisionLocation {
        let kind = match self.kind {
            Kind::Zip => BundleType::Zip,
            Kind::Tar => BundleType::Tar,
            Kind::Tgz => BundleType::TarGZip,
        };
        let place = S3Location::builder()
            .bucket(&self.bucket)
            .key(&self.key)
            .bundle_type(kind);
        RevisionLocation::builder()
            .revision_type(RevisionLocationType::S3)
            .s3_location(place.build())
            .build()
    }
}

/// Where the bundle of each release is: a [`Bundle`] with `{version}` in its key.
///
/// ```
/// use bluegreen_aws::codedeploy::BundleTemplate;
///
/// let bundles: BundleTemplate = "s3://fixit-artifacts/api/{version}.zip".parse()?;
/// assert!("s3://fixit-artifacts/api/latest.zip".parse::<BundleTemplate>().is_err());
/// # drop(bundles);
/// # Ok::<(), bluegreen_aws::codedeploy::InvalidBundle>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BundleTemplate(String);

const VERSION: &str = "{version}";

impl FromStr for BundleTemplate {
    type Err = InvalidBundle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let filled: Bundle = text.replace(VERSION, "1").parse()?;
        if filled.key == text.parse::<Bundle>()?.key {
            return Err(InvalidBundle::NoVersion(crate::account::bounded(text)));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for BundleTemplate {
    type Error = InvalidBundle;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BundleTemplate> for String {
    fn from(template: BundleTemplate) -> Self {
        template.0
    }
}

impl BundleTemplate {
    /// The bundle of a release: its artifact if it names one, else by its version.
    pub(super) fn of(&self, release: &Release) -> Result<Bundle, InvalidBundle> {
        match &release.artifact {
            Some(artifact) => artifact.parse(),
            None => self.0.replace(VERSION, release.version.as_str()).parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluegreen_core::Version;

    #[test]
    fn a_place_is_taken_or_refused_whole() {
        for (text, taken) in [
            ("s3://shop/1.zip", true),
            ("s3://shop/a/b c/ü.tar.gz", true),
            ("s3://shop/1.TAR", false),
            ("s3://shop/1", false),
            ("s3://shop/", false),
            ("s3://s/1.zip", false),
            ("s3://Shop/1.zip", false),
            ("s3:///1.zip", false),
            ("https://shop/1.zip", false),
            ("s3://shop/1\n.zip", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Bundle>().is_ok(), taken, "{text:?}");
        }
    }

    #[test]
    fn an_artifact_wins_over_the_template() {
        let template: BundleTemplate = "s3://shop/{version}.zip".parse().unwrap();
        let release = Release::new(Version::new("1.4.0").unwrap());
        assert_eq!(template.of(&release).unwrap().key(), "1.4.0.zip");
        let release = release.artifact("s3://other/x.tgz");
        assert_eq!(template.of(&release).unwrap().bucket(), "other");
        assert!(template.of(&release.artifact("")).is_err());
    }

    #[test]
    fn a_template_without_a_version_is_refused() {
        let refused = "s3://shop/latest.zip".parse::<BundleTemplate>();
        assert!(matches!(refused, Err(InvalidBundle::NoVersion(_))), "{refused:?}");
    }
}
