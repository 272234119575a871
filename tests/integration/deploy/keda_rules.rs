//! KEDA's rules, in our own words: what it makes of the answer of a `metrics-api` trigger, and how many Jobs or replicas it makes of that.
//!
//! Read in KEDA's source (kedacore/keda, 2.20): `pkg/scalers/metrics_api_scaler.go` (a value is a JSON number, or a text that is a quantity, of an answer with HTTP 200;
//! active where it is above `activationTargetValue`), `pkg/scaling/scaledjob/metrics.go` (how triggers are combined: those that are not active are left out),
//! `pkg/scaling/executor/scale_jobs.go` (strategies, and that Jobs are only made), `pkg/scaling/executor/scale_scaledobjects.go` and `pkg/scaling/scale_handler.go` (errors without a
//! fallback change nothing). The autoscaler's own rule is Kubernetes': replicas = value / target, rounded up, unless that is within a tenth of what there is.

use serde_json::Value;

/// What a trigger gave.
#[derive(Clone, Debug)]
pub struct Trigger {
    pub value: Result<f64, String>,
    pub target: f64,
    pub activation: f64,
}

impl Trigger {
    fn is_active(&self) -> bool {
        self.value.as_ref().is_ok_and(|value| *value > self.activation)
    }
}

/// The value that a `metrics-api` trigger reads.
pub fn value_of(status: u16, body: &str, location: &str) -> Result<f64, String> {
    if status != 200 {
        return Err(format!("api returned {status}"));
    }
    let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let found = location.split('.').fold(&body, |value, key| &value[key]);
    match found {
        Value::Number(number) => Ok(number.as_f64().unwrap()),
        // A quantity as Kubernetes writes it; ours never are.
        Value::String(text) => text.parse().map_err(|_| format!("`{text}` is no quantity that is read here")),
        other => Err(format!("valueLocation points to {other}")),
    }
}

/// Of a ScaledJob.
#[derive(Clone, Debug)]
pub struct JobTerms {
    pub min: i64,
    pub max: i64,
    pub strategy: String,
    pub calculation: String,
}

/// How many Jobs KEDA makes at a poll.
pub fn new_jobs(terms: &JobTerms, triggers: &[Trigger], running: i64, pending: i64) -> i64 {
    let (mut is_active, queue, most) = combined(terms, triggers);
    is_active |= terms.min > 0;
    let most = most.min(terms.max as f64).ceil() as i64;
    let mut wanted = queue.ceil() as i64;
    let room = if running < terms.min {
        wanted = terms.min - running;
        wanted
    } else {
        let running = running - terms.min;
        match terms.strategy.as_str() {
            "accurate" if most + running > terms.max => terms.max - running,
            "accurate" => most - pending,
            "eager" => {
                wanted = terms.max;
                most.min(terms.max - running - pending)
            }
            "default" => most - running,
            other => panic!("`{other}` is not looked at"),
        }
    };
    if is_active { wanted.min(room).max(0) } else { 0 }
}

/// Activity, value, and value by target, of those triggers that count.
fn combined(terms: &JobTerms, triggers: &[Trigger]) -> (bool, f64, f64) {
    // One that failed is left out, and so is one that is not active: the first is never told from a queue that is empty.
    let counted: Vec<(f64, f64)> = triggers
        .iter()
        .filter(|trigger| trigger.is_active())
        .map(|trigger| {
            let value = *trigger.value.as_ref().unwrap();
            (value, (value / trigger.target).min(terms.max as f64))
        })
        .collect();
    if counted.is_empty() {
        return (false, 0.0, 0.0);
    }
    let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.0.total_cmp(&b.0);
    let sum = counted.iter().fold((0.0, 0.0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
    let (value, most) = match terms.calculation.as_str() {
        "min" => *counted.iter().min_by(by_value).unwrap(),
        "sum" => sum,
        "avg" => (sum.0 / counted.len() as f64, sum.1 / counted.len() as f64),
        "" | "max" => *counted.iter().max_by(by_value).unwrap(),
        other => panic!("`{other}` is not looked at"),
    };
    (true, value, most)
}

/// Of a ScaledObject with a formula over its triggers.
#[derive(Clone, Debug)]
pub struct ObjectTerms {
    pub min: i64,
    pub max: i64,
    pub target: f64,
    pub activation: f64,
    pub has_fallback: bool,
}

/// How many replicas there are after a poll, once all stabilisation and cooling down is over. `result` is that of the formula; an error of any trigger is its error.
pub fn replicas(terms: &ObjectTerms, result: Result<f64, String>, current: i64) -> i64 {
    assert!(!terms.has_fallback, "a fallback makes replicas of nothing, and ours has none");
    // The autoscaler gets an error and leaves the replicas; KEDA, which decides between none and one, does too.
    let Ok(value) = result else { return current };
    if value <= terms.activation {
        return if terms.min == 0 { 0 } else { terms.min };
    }
    let current = if current == 0 { terms.min.max(1) } else { current };
    let ratio = value / (terms.target * current as f64);
    let wanted = if (ratio - 1.0).abs() <= 0.1 { current } else { (value / terms.target).ceil() as i64 };
    wanted.clamp(terms.min.max(1), terms.max)
}

#[test]
fn a_value_is_a_number_of_an_answer_with_200() {
    assert_eq!(value_of(200, r#"{"allowed":7,"max":10}"#, "allowed"), Ok(7.0));
    assert_eq!(value_of(200, r#"{"grid":{"carbonIntensity":182.4}}"#, "grid.carbonIntensity"), Ok(182.4));
    for body in [r#"{"allowed":null}"#, r#"{"allowed":true}"#, "{}", "<html>"] {
        assert!(value_of(200, body, "allowed").is_err(), "{body}");
    }
    for status in [204, 301, 400, 401, 404, 503] {
        assert!(value_of(status, r#"{"allowed":7}"#, "allowed").is_err(), "{status}");
    }
}

#[test]
fn strategies_count_as_kedas_own_tests_say() {
    // Values of `pkg/scaling/executor/scale_jobs_test.go`: most, running, pending, limit, and the room that is left.
    let room = |strategy: &str, most: f64, running, pending, max| {
        let terms = JobTerms { min: 0, max, strategy: strategy.to_owned(), calculation: String::new() };
        // A queue that is long enough for the room to be what counts.
        new_jobs(&terms, &[Trigger { value: Ok(1_000.0 * most), target: 1_000.0, activation: 0.0 }], running, pending)
    };
    assert_eq!(room("accurate", 3.0, 2, 0, 5), 3);
    assert_eq!(room("accurate", 5.0, 2, 0, 5), 3);
    assert_eq!(room("accurate", 3.0, 4, 2, 10), 1);
    assert_eq!(room("accurate", 5.0, 4, 2, 5), 1);
    assert_eq!(
        (room("eager", 4.0, 3, 0, 10), room("eager", 4.0, 0, 3, 10), room("eager", 4.0, 7, 0, 10), room("eager", 4.0, 1, 6, 10)),
        (4, 4, 3, 3)
    );
    assert_eq!((room("default", 1.0, 0, 0, 10), room("default", 5.0, 2, 0, 10), room("default", 2.0, 5, 0, 10)), (1, 3, 0));
}
