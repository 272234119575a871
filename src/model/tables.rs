//! Every table of the evidence, named once: columns with type and unit, key, grain.
//!
//! A cluster-day holds `series`, `samples` (what was collected) and `nodes`, `pods`, `jobs`, `node_steps`, `usage` (what the samples
//! say, differenced), and where anything was said of them `namespaces`. Ids are row numbers of the dimension tables of the same cluster and day, and follow the sort order of the names.

/// A table of a cluster-day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Grain: series. Key `series_id`. `series_id` INT, `metric` TEXT, `labels` TEXT (JSON object, keys sorted).
    Series,
    /// Grain: series x scrape. Key `series_id`, `ts_ms`. `series_id` INT, `ts_ms` BIGINT (ms since the epoch), `value` DOUBLE (the metric's unit).
    Samples,
    /// Grain: node. Key `node_id`. `node_id` INT, `node` TEXT, `power_zones` TEXT (`package+dram`), `labels` TEXT (JSON), `first_ms` BIGINT,
    /// `last_ms` BIGINT (existence within the day, ms since the epoch), `metered` BOOLEAN (whether any energy meter was seen), and only where it was
    /// said of any node of the day: `cpu_capacity_milli`, `cpu_allocatable_milli` BIGINT null (thousandths of a core; allocatable is what pods can have).
    Nodes,
    /// Grain: pod. Key `pod_id`. `pod_id` INT, `node_id` INT, `namespace` TEXT, `workload` TEXT, `pod` TEXT, `uid` TEXT, `job_id` INT null,
    /// `cpu_request_milli` BIGINT null, `last_ms` BIGINT null (last energy sample), and only where any pod of the day asked for one: `gpu_request`
    /// BIGINT null (devices), and only where a label of any pod of the day that is no Job's says so: `is_deferrable` BOOLEAN null.
    Pods,
    /// Grain: job run. Key `job_id`. `job_id` INT, `namespace`, `job`, `workload` TEXT, `uid` TEXT null, `created_ms`, `started_ms`, `completed_ms`
    /// BIGINT null, `was_suspended` BOOLEAN, `scheduled_timestamp`, `schedule`, `schedule_time_zone`, `baseline_start`, `home_zone` TEXT null,
    /// `is_carbon_aware`, `is_deferrable` BOOLEAN null, and only where any Job of the day has one: `home_cluster`, `decision` (JSON, as written),
    /// `max_delay_hours` (as written) TEXT null.
    Jobs,
    /// Grain: namespace with a label; the table is there only where one was seen. Key `namespace`. `namespace` TEXT, `labels` TEXT (JSON object, keys
    /// sorted, names as kube-state-metrics writes them): what held last on the day.
    Namespaces,
    /// Grain: node x step. Key `node_id`, `step`. `node_id` INT, `step` INT (unix time / step length), `metered_mj` BIGINT, `idle_mj` BIGINT null,
    /// `tier` INT (1 metered, 2 allocated, 3 modelled: that of all rows of the node and step). Only steps that a delta or a model reached.
    NodeSteps,
    /// Grain: pod x step. Key `pod_id`, `step`; sorted so. `node_id` INT, `pod_id` INT, `step` INT, `active_mj` BIGINT null, `cpu_ms` BIGINT null,
    /// `tail_mj` BIGINT null (what it used between its last sample and its recorded end at its last rate: an estimate; a row may hold nothing else).
    Usage,
}

impl Table {
    pub const ALL: [Self; 8] =
        [Self::Series, Self::Samples, Self::Nodes, Self::Pods, Self::Jobs, Self::Namespaces, Self::NodeSteps, Self::Usage];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Series => "series",
            Self::Samples => "samples",
            Self::Nodes => "nodes",
            Self::Pods => "pods",
            Self::Jobs => "jobs",
            Self::Namespaces => "namespaces",
            Self::NodeSteps => "node_steps",
            Self::Usage => "usage",
        }
    }
}
