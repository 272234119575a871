//! What an account may not do of what is asked for.
//!
//! Rule: the server is asked about each resource and verb of the table (`SelfSubjectAccessReview`), which every account may; nothing is tried out.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api, PostParams};

use super::client::{self, Fault};
use super::resources::{Kind, VERBS};

/// The resources and verbs that the account lacks.
pub async fn missing(client: &kube::Client) -> Result<Vec<(Kind, &'static str)>, Fault> {
    let reviews = Api::<SelfSubjectAccessReview>::all(client.clone());
    let mut missing = Vec::new();
    for kind in Kind::ALL {
        for verb in VERBS {
            let answer = client::in_time(reviews.create(&PostParams::default(), &review(kind, verb))).await?;
            let review = answer.map_err(|error| client::fault(kind, verb, &error))?;
            if !review.status.is_some_and(|status| status.allowed) {
                missing.push((kind, verb));
            }
        }
    }
    Ok(missing)
}

fn review(kind: Kind, verb: &str) -> SelfSubjectAccessReview {
    let attributes = ResourceAttributes {
        group: Some(kind.group().to_owned()),
        resource: Some(kind.plural().to_owned()),
        verb: Some(verb.to_owned()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..SelfSubjectAccessReviewSpec::default() };
    SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() }
}
