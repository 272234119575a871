//! Which deferrable runs are left unshifted, to compare with: drawn by a seed, so that nobody chooses.
//!
//! In: the policy's seed and share, and the name of a run. Out: whether it is held out.
//! Rule, which any scheduler can follow: take the UTF-8 text of seed, cluster, namespace and Job name, with a line feed (one byte, 0x0A) between two of
//! them and none at the end; of its SHA-256 the first 8 bytes are a big-endian unsigned number; the run is held out where that number is less than
//! share × 2^64. In a shell: `printf 'seed\ncluster\nnamespace\njob' | sha256sum | cut -c1-16`. The cluster is the run's home: where it is one's habit to
//! submit it. The Job is a single run of its CronJob (`nightly-29012345`), so that each night is drawn anew. Does not: ask whether the run is deferrable.

use sha2::{Digest, Sha256};

use crate::model::HoldOutPolicy;

/// 2^64.
const ALL_DRAWS: f64 = 18_446_744_073_709_551_616.0;

pub fn is_held_out(policy: &HoldOutPolicy, cluster: &str, namespace: &str, job: &str) -> bool {
    let digest = Sha256::digest([policy.seed.as_str(), cluster, namespace, job].join("\n"));
    let draw = digest.iter().take(8).fold(0_u64, |draw, byte| (draw << 8) | u64::from(*byte));
    // A share is a double and 2^64 a power of two: the product is exact, and what is below it is below its ceiling.
    u128::from(draw) < (policy.share * ALL_DRAWS).ceil() as u128
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(share: f64) -> HoldOutPolicy {
        HoldOutPolicy { share, seed: "autumn-2026".to_owned() }
    }

    #[test]
    fn the_draw_is_the_head_of_a_digest_that_a_shell_gives_too() {
        // printf 'autumn-2026\nprod-nl\netl\nnightly-29012345' | sha256sum
        // dc09a99e3fed2ab0…, which is 0.859522 of 2^64.
        let held_out = |share| is_held_out(&policy(share), "prod-nl", "etl", "nightly-29012345");
        assert!(!held_out(0.859));
        assert!(held_out(0.860));
    }

    #[test]
    fn about_the_share_of_many_runs_is_held_out() {
        let held_out = (0..10_000).filter(|run| is_held_out(&policy(0.1), "prod-nl", "etl", &format!("nightly-{run}"))).count();
        // Ten thousand draws at one in ten: 1,000, give or take three times 30.
        assert!((910..=1_090).contains(&held_out), "{held_out}");
    }

    #[test]
    fn a_larger_share_holds_out_the_same_runs_and_more() {
        for run in 0..500 {
            let name = format!("nightly-{run}");
            let held_out = |share| is_held_out(&policy(share), "prod-nl", "etl", &name);
            assert!(!held_out(0.1) || held_out(0.2));
        }
    }
}
