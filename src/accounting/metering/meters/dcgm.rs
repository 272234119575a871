//! dcgm-exporter: millijoules by GPU, with the pod that holds it.
//!
//! Rule: a device is (node, UUID), whatever series repeat its value. Time slicing repeats the whole device's energy for every pod and MIG for
//! every slice, so each interval's energy is split: equally among the pods that share a device, by compute slices under MIG. A device that
//! nobody holds, and a slice that nobody holds, is idle. Where a device has no energy counter, its power is integrated.
//! Values from 9.2e18 up are DCGM's way of leaving a field blank. Does not: look at utilisation.

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, Curve, gauge};
use crate::model::Series;

const ENERGY: &str = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION";
const POWER: &str = "DCGM_FI_DEV_POWER_USAGE";
const JOULES_PER_MILLIJOULE: f64 = 1e-3;
/// From here up a value is one of DCGM's blanks.
const BLANK: f64 = 9.2e18;
/// A counter that falls by less is a glitch of the exporter; see `counters`.
const RESET_FALL_SHARE: f64 = 0.01;

/// A part of a device's energy: a pod's, or nobody's.
pub struct DeviceShare<'a> {
    pub node: &'a str,
    /// Namespace, name, uid; none for what nobody held.
    pub pod: Option<(&'a str, &'a str, &'a str)>,
    /// All that speak of the device.
    pub series: Vec<&'a Series>,
    pub curve: Curve<'a>,
}

/// What DCGM says of a day.
#[derive(Default)]
pub struct Devices<'a> {
    pub shares: Vec<DeviceShare<'a>>,
    pub examined: u64,
    pub blanks: u64,
    /// Falls of a device's counter, each counted from zero.
    pub resets: u64,
}

type Holder<'a> = Option<(&'a str, &'a str, &'a str)>;

/// One series of a device: who held it, and how many slices of it.
struct View<'a> {
    holder: Holder<'a>,
    series: &'a Series,
    is_slice: bool,
    weight: u32,
    ts_ms: Vec<i64>,
    value: Vec<f64>,
}

type Views<'a> = BTreeMap<(&'a str, &'a str), Vec<View<'a>>>;

pub fn devices<'a>(context: &Context<'a, '_>, unmapped: &mut BTreeMap<String, usize>) -> Devices<'a> {
    let mut devices = Devices::default();
    let energy = views(context, ENERGY, JOULES_PER_MILLIJOULE, &mut devices, unmapped);
    let power = views(context, POWER, 1.0, &mut devices, &mut BTreeMap::new());
    let by_power: Vec<_> = power.iter().filter(|(key, _)| !energy.contains_key(*key)).collect();
    for ((node, _), views) in &energy {
        let counted = counted_up(&whole(views), &mut devices.resets);
        devices.share(node, views, &counted);
    }
    for ((node, _), views) in by_power {
        let watts = whole(views);
        let (ts_ms, value): (Vec<i64>, Vec<f64>) = watts.into_iter().unzip();
        for stretch in gauge::integrate(&ts_ms, &value, 1.0) {
            let samples = stretch.samples();
            let joules: Vec<(i64, f64)> = samples.ts_ms.iter().copied().zip(samples.value.iter().copied()).collect();
            devices.share(node, views, &joules);
        }
    }
    devices
}

fn views<'a>(
    context: &Context<'a, '_>,
    metric: &str,
    scale: f64,
    devices: &mut Devices<'a>,
    unmapped: &mut BTreeMap<String, usize>,
) -> Views<'a> {
    let mut views = Views::new();
    for (series, ts_ms, value) in context.table.of_metric(metric) {
        let Some(node) = node_of(series, context) else {
            *unmapped.entry(format!("{metric} (instance {})", series.label("instance"))).or_default() += 1;
            continue;
        };
        let Some(device) = ["UUID", "uuid", "gpu"].into_iter().map(|name| series.label(name)).find(|device| !device.is_empty()) else {
            continue;
        };
        let (Some(first), Some(last)) = (ts_ms.first(), ts_ms.last()) else { continue };
        devices.examined += value.len() as u64;
        devices.blanks += value.iter().filter(|value| **value >= BLANK).count() as u64;
        let sound = ts_ms.iter().zip(value).filter(|(_, value)| (0.0..BLANK).contains(*value));
        let (ts_ms, value) = sound.map(|(ts_ms, value)| (*ts_ms, *value * scale)).unzip();
        let is_slice = !series.label("GPU_I_ID").is_empty();
        views.entry((node, device)).or_default().push(View {
            holder: holder(series, context, node, (*first, *last)),
            series,
            is_slice,
            weight: if is_slice { slices(series.label("GPU_I_PROFILE")) } else { 1 },
            ts_ms,
            value,
        });
    }
    views
}

/// Compute slices of a MIG profile: `3g.20gb` has three.
fn slices(profile: &str) -> u32 {
    profile.split_once('g').and_then(|(slices, _)| slices.parse().ok()).filter(|slices| *slices > 0).unwrap_or(1)
}

fn holder<'a>(series: &'a Series, context: &Context<'a, '_>, node: &str, span: (i64, i64)) -> Holder<'a> {
    let own = |names: [&str; 3]| names.into_iter().map(|name| series.label(name)).find(|value| !value.is_empty());
    let pod = own(["exported_pod", "pod", "pod_name"])?;
    let namespace = own(["exported_namespace", "namespace", "pod_namespace"])?;
    // Without `honor_labels` the scrape's own labels stand on a device that nobody holds: they name the exporter.
    if pod.contains("dcgm-exporter") {
        return None;
    }
    let uid = Some(series.label("pod_uid")).filter(|uid| !uid.is_empty());
    Some((namespace, pod, uid.unwrap_or_else(|| context.state.uid_at(namespace, pod, node, span))))
}

fn node_of<'a>(series: &'a Series, context: &Context<'a, '_>) -> Option<&'a str> {
    let hostname = ["Hostname", "hostname"].into_iter().map(|name| series.label(name)).find(|name| !name.is_empty());
    let known = hostname.and_then(|hostname| context.state.node_by_instance(hostname));
    let labelled = || Some(series.label("node")).filter(|node| !node.is_empty());
    known.or_else(labelled).or_else(|| context.state.node_by_instance(series.label("instance"))).or(hostname)
}

/// The device as a whole: all series that repeat it, by time; the larger value of one time is the later reading.
fn whole(views: &[View]) -> Vec<(i64, f64)> {
    let mut samples: BTreeMap<i64, f64> = BTreeMap::new();
    for (ts_ms, value) in views.iter().flat_map(|view| view.ts_ms.iter().zip(&view.value)) {
        let known = samples.entry(*ts_ms).or_insert(*value);
        *known = known.max(*value);
    }
    samples.into_iter().collect()
}

/// A counter that never falls: after a reset the new value counts from zero; a small fall counts nothing.
fn counted_up(samples: &[(i64, f64)], resets: &mut u64) -> Vec<(i64, f64)> {
    let mut total = 0.0;
    let mut counted = Vec::with_capacity(samples.len());
    for (i, (ts_ms, value)) in samples.iter().enumerate() {
        if let Some((_, before)) = i.checked_sub(1).map(|i| samples[i]) {
            if *value >= before {
                total += value - before;
            } else if before - value >= RESET_FALL_SHARE * before {
                *resets += 1;
                total += value;
            }
        }
        counted.push((*ts_ms, total));
    }
    counted
}

impl<'a> Devices<'a> {
    /// Splits a device's energy, interval by interval, among those who hold it at the interval's end.
    fn share(&mut self, node: &'a str, views: &[View<'a>], joules: &[(i64, f64)]) {
        let mut curves: BTreeMap<Holder<'a>, (Vec<i64>, Vec<f64>)> = BTreeMap::new();
        for pair in joules.windows(2) {
            let ((t0, a), (t1, b)) = (pair[0], pair[1]);
            let weights = weights_at(views, t1);
            let total: u32 = weights.values().sum();
            for (holder, weight) in weights {
                let (ts_ms, value) = curves.entry(holder).or_default();
                let counted = value.last().copied().unwrap_or(0.0);
                if ts_ms.last() != Some(&t0) {
                    ts_ms.push(t0);
                    value.push(counted);
                }
                ts_ms.push(t1);
                value.push(counted + (b - a) * f64::from(weight) / f64::from(total));
            }
        }
        for (pod, (ts_ms, value)) in curves {
            let series = views.iter().map(|view| view.series).collect();
            self.shares.push(DeviceShare { node, pod, series, curve: Curve::owned(ts_ms, value) });
        }
    }
}

/// Who holds a device at a sample, by weight. A series without a pod beside others is the device's own, unless it is a slice.
fn weights_at<'a>(views: &[View<'a>], ts_ms: i64) -> BTreeMap<Holder<'a>, u32> {
    let there: Vec<&View> = views.iter().filter(|view| view.ts_ms.binary_search(&ts_ms).is_ok()).collect();
    let is_held = there.iter().any(|view| view.holder.is_some());
    let mut weights = BTreeMap::new();
    let mut seen: BTreeSet<(Holder<'a>, bool)> = BTreeSet::new();
    for view in there {
        if view.is_slice {
            *weights.entry(view.holder).or_default() += view.weight;
        } else if (view.holder.is_some() || !is_held) && seen.insert((view.holder, false)) {
            // Several containers of one pod, or several exporters, repeat it once more.
            weights.insert(view.holder, 1);
        }
    }
    weights
}
