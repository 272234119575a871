//! What the labels of namespaces say on the day: the cost centre, the team.
//!
//! In: `kube_namespace_labels`, of kube-state-metrics and of the Kubernetes API. Out: labels by namespace, under the names that kube-state-metrics gives them.
//! Rule: what was seen last on the day holds for all of it, so that a label that changes holds from that UTC day on. kube-state-metrics saw a label when it
//! held, and the API may have been asked later; so where the former shows a label of any namespace it has the word about that label, and the API about
//! those that it is not allowed to show. Does not: know which label is the cost centre; that is said when a month is accounted.

use std::collections::{BTreeMap, BTreeSet};

use super::counters::Window;
use super::state::{existing, own_label};
use crate::model::{KUBERNETES_API, SampleTable, Series};

/// Labels by name.
pub type Labels<'a> = BTreeMap<&'a str, &'a str>;

/// The labels of every namespace that has any.
pub fn labels<'a>(table: &'a SampleTable, window: &Window) -> BTreeMap<&'a str, Labels<'a>> {
    let (api, scraped): (Vec<_>, Vec<_>) = existing(table, "kube_namespace_labels")
        .filter(|(_, first_ms, last_ms)| window.overlaps(*first_ms, *last_ms))
        .partition(|(series, ..)| series.label("source") == KUBERNETES_API);
    let mut namespaces = last_of_each(scraped, window);
    let shown: BTreeSet<&str> = namespaces.values().flat_map(|labels| labels.keys().copied()).collect();
    for (namespace, labels) in last_of_each(api, window) {
        let known: &mut Labels = namespaces.entry(namespace).or_default();
        known.extend(labels.into_iter().filter(|(name, _)| !shown.contains(name)));
    }
    namespaces.retain(|_, labels| !labels.is_empty());
    namespaces
}

/// By namespace: the series that was seen last. Of two that were seen at once, the order of the table decides.
fn last_of_each<'a>(mut series: Vec<(&'a Series, i64, i64)>, window: &Window) -> BTreeMap<&'a str, Labels<'a>> {
    // What lies behind the day says nothing of it.
    series.sort_by_key(|(_, _, last_ms)| (*last_ms).min(window.end_ms));
    series
        .into_iter()
        .map(|(series, ..)| (own_label(series, "namespace"), own_labels(series)))
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

fn own_labels(series: &Series) -> Labels<'_> {
    let named = series.labels.iter().filter_map(|(name, value)| Some((name.strip_prefix("label_")?, value.as_str())));
    named.filter(|(_, value)| !value.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::story::{STEP_S, day, part};
    use super::*;

    const NOON: i64 = 43_200;
    const LAST: i64 = 86_399;

    /// `namespace name=value …`, each namespace in a line.
    fn seen(series: &[(&str, i64, i64)]) -> Vec<String> {
        let parts =
            series.iter().map(|(labels, first, last)| part(&format!("kube_namespace_labels{{{labels}}}"), &[(*first, 1.0), (*last, 1.0)]));
        let table = SampleTable::from_series(parts);
        let window = Window::of_day(day(), STEP_S).unwrap();
        let line = |(namespace, labels): (&str, Labels)| {
            labels.iter().fold(namespace.to_owned(), |line, (name, value)| format!("{line} {name}={value}"))
        };
        labels(&table, &window).into_iter().map(line).collect()
    }

    #[test]
    fn a_label_that_changed_on_the_day_is_what_it_was_last() {
        let (old, new) = ("namespace=\"shop\",label_cost_centre=\"4711\"", "namespace=\"shop\",label_cost_centre=\"0815\"");

        assert_eq!(seen(&[(old, 0, NOON), (new, NOON + 60, LAST)]), ["shop cost_centre=0815"]);
        assert_eq!(seen(&[(old, NOON + 60, LAST), (new, 0, NOON)]), ["shop cost_centre=4711"]);
        // It was taken away at noon: the series without it was seen last.
        assert_eq!(seen(&[(old, 0, NOON), ("namespace=\"shop\"", NOON + 60, LAST)]), Vec::<String>::new());
    }

    #[test]
    fn what_was_before_the_day_or_comes_after_it_says_nothing() {
        let series = "namespace=\"shop\",label_cost_centre=\"4711\"";

        assert!(seen(&[(series, -7_200, -60)]).is_empty());
        assert!(seen(&[(series, LAST + 1, LAST + 60)]).is_empty());
        assert_eq!(seen(&[(series, -60, LAST + 61)]), ["shop cost_centre=4711"]);
    }

    #[test]
    fn what_was_scraped_has_the_word_about_labels_that_it_shows_and_the_api_about_the_rest() {
        let api = |labels: &str| format!("{labels},source=\"kubernetes-api\"");
        let shop = api("namespace=\"shop\",label_cost_centre=\"new\",label_team=\"a\"");
        let blog = api("namespace=\"blog\",label_cost_centre=\"new\",label_team=\"b\"");

        assert_eq!(seen(&[(&shop, -60, LAST), (&blog, -60, LAST)]), ["blog cost_centre=new team=b", "shop cost_centre=new team=a"]);
        // kube-state-metrics saw on the day that shop had another cost centre, and blog none.
        let scraped = "namespace=\"shop\",label_cost_centre=\"old\"";
        assert_eq!(seen(&[(&shop, -60, LAST), (&blog, -60, LAST), (scraped, 0, NOON)]), ["blog team=b", "shop cost_centre=old team=a"]);
    }

    #[test]
    fn a_scrape_that_took_the_label_namespace_for_itself_is_seen_through() {
        let series = "namespace=\"monitoring\",exported_namespace=\"shop\",label_cost_centre=\"4711\"";

        assert_eq!(seen(&[(series, 0, LAST)]), ["shop cost_centre=4711"]);
    }
}
