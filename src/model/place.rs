//! Where evidence is kept.

use std::fmt;
use std::path::PathBuf;

/// What `[evidence] dir` says: a folder of the machine's own, or a bucket of object storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvidencePlace {
    Folder(PathBuf),
    Bucket(BucketPlace),
}

/// A bucket as configured. Credentials are no part of it: they come from the environment or an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketPlace {
    /// `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
    pub url: String,
    /// Where it is not the cloud's own.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    /// Whether the endpoint may be asked without TLS.
    pub allow_http: bool,
    /// A folder of the machine's own for what is appended to and not yet in the bucket.
    pub spool: PathBuf,
}

impl fmt::Display for EvidencePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Bucket(bucket) => f.write_str(&bucket.url),
        }
    }
}
