//! The baseline policy in sentences, for whoever reads a report without the configuration.
//!
//! In: [`BaselinePolicy`]. Out: one sentence a rule, in the order in which they are asked. Does not: leave out what no key changes.

use crate::config::BaselinePolicy;
use crate::model::DeferrableRule;

pub fn rules(policy: &BaselinePolicy) -> Vec<String> {
    let mut rules = vec![
        "Baseline start, the first that exists: annotation, decision, schedule, creation where the Job was held back for more than 60 s, own start."
            .to_owned(),
        "Baseline zone, the first that exists: home zone of the Job, home cluster, the cluster's configured home zone, where it ran.".to_owned(),
    ];
    rules.extend(policy.home_zones.iter().map(|(cluster, zone)| format!("Home zone of {cluster}: {zone}.")));
    rules.extend(policy.deferrable.iter().enumerate().map(|(i, rule)| deferrable(i + 1, rule)));
    if let Some(hold_out) = &policy.hold_out {
        rules.push(format!("Held out: {} of the deferrable runs, drawn by the seed \"{}\".", percent(hold_out.share), hold_out.seed));
    }
    let suggested = hours(policy.suggested_max_delay_seconds);
    rules.push(format!("Batch work that nobody classified is looked at with a window of {suggested}, to say what it would be worth."));
    rules
}

fn deferrable(number: usize, rule: &DeferrableRule) -> String {
    let listed = |what: &str, names: &[String]| (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")));
    let which = [listed("namespace", &rule.namespaces), listed("kind", &rule.kinds), listed("name", &rule.names)];
    let which: Vec<String> = which.into_iter().flatten().collect();
    let which = if which.is_empty() { "all batch work".to_owned() } else { which.join("; ") };
    let delay = match rule.max_delay_seconds {
        Some(seconds) => format!("up to {} later", hours(seconds)),
        None => "no delay said".to_owned(),
    };
    let zones = listed(", in", &rule.zones).unwrap_or_default();
    let overhead = match (rule.overhead_kwh, &rule.overhead_source) {
        (Some(kwh), Some(source)) => format!("; shifting a run costs {kwh} kWh ({source})"),
        (Some(kwh), None) => format!("; shifting a run costs {kwh} kWh"),
        (None, _) => String::new(),
    };
    format!("Deferrable, rule {number}: {which}: {delay}{zones}{overhead}.")
}

fn hours(seconds: i64) -> String {
    if seconds % 3_600 == 0 { format!("{} h", seconds / 3_600) } else { format!("{} min", seconds / 60) }
}

fn percent(share: f64) -> String {
    let percent = (share * 1e6).round() / 1e4;
    format!("{percent} %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HoldOutPolicy;

    #[test]
    fn a_policy_reads_as_sentences() {
        let rule = DeferrableRule {
            namespaces: vec!["ml-*".to_owned()],
            kinds: vec!["Job".to_owned(), "CronJob".to_owned()],
            max_delay_seconds: Some(8 * 3_600),
            zones: vec!["NL".to_owned(), "FR".to_owned()],
            overhead_kwh: Some(0.004),
            overhead_source: Some("measured in May".to_owned()),
            ..DeferrableRule::default()
        };
        let policy = BaselinePolicy {
            deferrable: vec![rule, DeferrableRule { max_delay_seconds: Some(5_400), ..DeferrableRule::default() }],
            hold_out: Some(HoldOutPolicy { share: 0.125, seed: "2026".to_owned() }),
            suggested_max_delay_seconds: 28_800,
            home_zones: [("prod-nl".to_owned(), "NL".to_owned())].into(),
        };

        assert_eq!(
            rules(&policy)[2..],
            [
                "Home zone of prod-nl: NL.",
                "Deferrable, rule 1: namespace ml-*; kind Job, CronJob: up to 8 h later, in NL, FR; shifting a run costs 0.004 kWh (measured in May).",
                "Deferrable, rule 2: all batch work: up to 90 min later.",
                "Held out: 12.5 % of the deferrable runs, drawn by the seed \"2026\".",
                "Batch work that nobody classified is looked at with a window of 8 h, to say what it would be worth.",
            ]
        );
    }
}
