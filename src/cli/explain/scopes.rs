//! What stands beside the electricity of the ledger: contracts, hardware, and the parts of Scope 3.
//!
//! In: a row and a figure of it. Out: the sites, instruments and machines that make it. Rule: the parts are those that accounting shared out.

use anyhow::Result;

use super::tree::{Explanation, Number, Operand, Product, Share, Sum, Term};
use super::walk::Walk;
use crate::accounting::inventory::{ClusterInventory, WorkloadKey};
use crate::accounting::ledger::Sums;
use crate::accounting::scopes::Line;
use crate::accounting::scopes::embodied::NodeShares;
use crate::accounting::scopes::market::MarketPart;
use crate::disclosure::figure_ids::{RowId, Unit};
use crate::model::{Boundary, IDLE, Placement};

impl Walk<'_> {
    /// The lines that a row of the report is the sum of.
    fn lines_of(&self, row: &RowId) -> Vec<&Line> {
        let clusters = &self.workings.plan.terms.clusters;
        let is_of = |cluster: usize, key: &WorkloadKey| match row {
            RowId::Totals => true,
            RowId::Cluster { cluster: name } => clusters[cluster].name == *name,
            RowId::Namespace { cluster: name, namespace } => clusters[cluster].name == *name && key.1 == *namespace,
            RowId::Workload { cluster: name, namespace, workload } => {
                clusters[cluster].name == *name && key.1 == *namespace && key.2 == *workload
            }
            _ => false,
        };
        let lines =
            self.workings.lines.iter().enumerate().flat_map(|(cluster, lines)| lines.iter().map(move |(key, line)| (cluster, key, line)));
        lines.filter(|(cluster, key, _)| is_of(*cluster, key)).map(|(.., line)| line).collect()
    }

    /// The parts of categories 1 and 3 of a row.
    pub fn add_parts(&self, level: &mut Explanation, row: &RowId, field: &str) -> Result<()> {
        let lines = self.lines_of(row);
        let sum = |of: fn(&Line) -> Option<i64>| lines.iter().filter_map(|line| of(line)).reduce(|a, b| a + b);
        let term = |name: &str, what: &str, value: Option<i64>| Term {
            id: Some(row.figure(name).to_string()).filter(|_| !matches!(row, RowId::Totals)),
            what: what.to_owned(),
            value,
            ..Term::default()
        };
        let terms = match field {
            "scope3_category_1_ugco2e" => {
                let hardware = sum(|line| line.cloud_amortised_ugco2e).unwrap_or(0);
                let electricity = level.value.map(|whole| whole - hardware);
                vec![
                    term("scope3_category_1_electricity_ugco2e", "electricity of clouds", electricity),
                    Term { id: None, ..term("", "hardware of clouds, amortised", Some(hardware)) },
                ]
            }
            "scope3_category_3_ugco2e" => {
                let losses = sum(|line| line.losses_ugco2e);
                let upstream = term("upstream_ugco2e", "upstream of electricity", sum(|line| line.upstream_ugco2e));
                [Some(upstream), losses.map(|losses| term("losses_ugco2e", "grid losses", Some(losses)))].into_iter().flatten().collect()
            }
            _ => return Ok(()),
        };
        self.add_sum(level, "part", terms, Unit::MicrogramsCo2e);
        Ok(())
    }

    /// What lies beneath a workload's figure that no hour has.
    pub fn below_a_workload(&self, row: &RowId, field: &str, depth: usize) -> Result<Option<Box<Explanation>>> {
        if depth <= 1 || !matches!(row, RowId::Workload { .. }) {
            return Ok(None);
        }
        let level = match field {
            "scope2_market_based_ugco2e" => self.market_of(row, depth - 1)?,
            "embodied_amortised_ugco2e" | "scope3_category_1_ugco2e" => self.hardware_of(row, depth - 1)?,
            "scope3_category_2_ugco2e" => self.capital_goods_of(row, depth - 1)?,
            _ => None,
        };
        Ok(level.map(Box::new))
    }

    /// A workload's part of what its sites' contracts and rest come to.
    fn market_of(&self, row: &RowId, depth: usize) -> Result<Option<Explanation>> {
        let RowId::Workload { cluster, namespace, workload } = row else { return Ok(None) };
        let workings = self.workings;
        let Some(index) = self.cluster(cluster) else { return Ok(None) };
        let inventory = &workings.inventory.clusters[index];
        let parts = workings.market.parts(index, inventory);
        let is_its_own = |key: &WorkloadKey| (&key.1, &key.2) == (namespace, workload);
        let mut level = Explanation {
            what: format!("The workload's part of its sites' market-based emissions, {namespace} {workload} of {cluster}"),
            unit: Unit::MicrogramsCo2e.name(),
            meaning: "Within a site, what instruments cover is shared by facility energy; the rest by facility energy where a residual mix stands in, else by the \
                      location-based emissions that stand in."
                .to_owned(),
            rule: "Method, section 4; contracts belong to a site and not to a pod".to_owned(),
            ..Explanation::default()
        };
        let (mut terms, mut zone) = (Vec::new(), None);
        for (key, part) in parts.iter().filter(|(key, _)| is_its_own(key)) {
            let site = key.0;
            let grid_zone = &workings.plan.terms.clusters[index].sites[site].grid_zone;
            zone.get_or_insert_with(|| grid_zone.clone());
            terms.push(Term::new(None, format!("covered by instruments, {grid_zone}"), part.covered_ugco2e));
            terms.push(Term { what: format!("the rest, {grid_zone}"), value: part.rest_ugco2e, ..Term::default() });
            let of_site: Vec<_> = parts.iter().filter(|(other, _)| other.0 == site).collect();
            let energy = |sums: &Sums| sums.facility_mj;
            self.add_market_share(
                &mut level,
                &of_site,
                key,
                ("what instruments cover", |part| Some(part.covered_ugco2e)),
                &energy,
                Unit::Millijoules,
            );
            let unit = if matches!(part.rest_weight, crate::accounting::scopes::market::RestWeight::FacilityEnergy) {
                Unit::Millijoules
            } else {
                Unit::MicrogramsCo2e
            };
            let weight = |sums: &Sums| part.rest_weight.of(sums);
            self.add_market_share(&mut level, &of_site, key, ("the rest", |part| part.rest_ugco2e), &weight, unit);
        }
        let value = self.index.value(row, "scope2_market_based_ugco2e");
        level.value = value;
        self.add_sum(&mut level, "part", terms, Unit::MicrogramsCo2e);
        if let Some(zone) = zone {
            let row = RowId::MarketZone { zone };
            level.next = self.follow(Some(&row.figure("rest_ugco2e").to_string()), depth)?;
        }
        Ok(Some(level))
    }

    fn add_market_share(
        &self,
        level: &mut Explanation,
        of_site: &[&(&WorkloadKey, MarketPart)],
        own: &WorkloadKey,
        (what, value): (&str, fn(&MarketPart) -> Option<i64>),
        weight: &dyn Fn(&Sums) -> i64,
        unit_of_weight: Unit,
    ) {
        // Names like (idle) are in every cluster: the one that has all of them is theirs.
        let has_all = |cluster: &ClusterInventory| of_site.iter().all(|(key, _)| cluster.workloads.contains_key(*key));
        let Some(cluster) = self.workings.inventory.clusters.iter().position(has_all) else { return };
        let inventory = &self.workings.inventory.clusters[cluster];
        let mut terms = Vec::new();
        for (key, part) in of_site {
            let Some(value) = value(part) else { return };
            terms.push(Term { weight: Some(weight(&inventory.workloads[*key])), ..Term::new(None, format!("{} {}", key.1, key.2), value) });
        }
        let whole: i64 = terms.iter().filter_map(|term| term.value).sum();
        let Some(at) = of_site.iter().position(|(key, _)| *key == own) else { return };
        level.splits.push(Share {
            what: format!("{what} of the site"),
            whole,
            weight: terms[at].weight.unwrap_or(0),
            total_weight: terms.iter().filter_map(|term| term.weight).sum(),
            part: terms[at].value.unwrap_or(0),
            unit: Unit::MicrogramsCo2e.name(),
            unit_of_weight: unit_of_weight.name(),
            parts: Sum::in_order("by workload of the site", what, (whole, Unit::MicrogramsCo2e), terms, self.top),
        });
    }

    /// The machines whose making a workload has a share of.
    fn hardware_of(&self, row: &RowId, depth: usize) -> Result<Option<Explanation>> {
        let RowId::Workload { cluster, namespace, workload } = row else { return Ok(None) };
        let Some(index) = self.cluster(cluster) else { return Ok(None) };
        let workings = self.workings;
        let own = (namespace.clone(), workload.clone());
        let mut terms = Vec::new();
        let mut level = self.head(row, "embodied_amortised_ugco2e", self.index.value(row, "embodied_amortised_ugco2e"));
        level.what = format!("The workload's share of the making of machines, {namespace} {workload} of {cluster}");
        for name in workings.plan.survey.clusters[index].nodes.keys() {
            let Some(shares) = NodeShares::of_node(workings.plan, workings.inventory, index, name) else { continue };
            let part = shares.by_cpu.get(&own).unwrap_or(&0) + shares.by_gpu.get(&own).unwrap_or(&0);
            if part == 0 {
                continue;
            }
            let asset = RowId::Asset { cluster: cluster.clone(), node: name.clone() };
            terms.push(Term::new(Some(asset.figure("amortised_ugco2e").to_string()), format!("node {name}"), part));
        }
        let largest = terms.iter().max_by_key(|term| term.value.unwrap_or(0)).cloned();
        self.add_sum(&mut level, "node", terms, Unit::MicrogramsCo2e);
        if let Some(name) = largest.as_ref().and_then(|term| term.what.strip_prefix("node ")) {
            self.add_reservations(&mut level, index, name, &own);
        }
        level.next = self.follow(largest.and_then(|term| term.id).as_deref(), depth)?;
        Ok(Some(level))
    }

    /// How the largest of the machines is shared, by what was reserved of it.
    fn add_reservations(&self, level: &mut Explanation, cluster: usize, name: &str, own: &(String, String)) {
        let workings = self.workings;
        let Some(shares) = NodeShares::of_node(workings.plan, workings.inventory, cluster, name) else { return };
        let ways = [
            ("by reserved CPU", shares.amortised_ugco2e - shares.gpu_ugco2e, &shares.by_cpu, &shares.reserved_milli_steps, shares.capacity),
            ("by reserved GPUs", shares.gpu_ugco2e, &shares.by_gpu, &shares.reserved_gpu_steps, Some(shares.gpu_capacity)),
        ];
        for (by, whole, parts, reserved, capacity) in ways {
            let (Some(part), Some(capacity)) = (parts.get(own), capacity) else { continue };
            let sum: i64 = reserved.iter().map(|(_, steps)| steps).sum();
            let weight_of = |row: &(String, String)| {
                let known = reserved.iter().find(|(known, _)| known == row).map(|(_, steps)| *steps);
                if row.0 == IDLE { (capacity - sum).max(0) } else { known.unwrap_or(0) }
            };
            let term = |(row, value): (&(String, String), &i64)| Term {
                weight: Some(weight_of(row)),
                ..Term::new(None, if row.0 == IDLE { IDLE.to_owned() } else { format!("{} {}", row.0, row.1) }, *value)
            };
            let terms: Vec<Term> = parts.iter().map(term).collect();
            level.splits.push(Share {
                what: format!("the period's part of making {name}, {by}"),
                whole,
                weight: weight_of(own),
                total_weight: terms.iter().filter_map(|term| term.weight).sum(),
                part: *part,
                unit: Unit::MicrogramsCo2e.name(),
                unit_of_weight: "requested, times steps",
                parts: Sum::in_order("by workload", "the period's part", (whole, Unit::MicrogramsCo2e), terms, self.top),
            });
        }
    }

    fn capital_goods_of(&self, row: &RowId, depth: usize) -> Result<Option<Explanation>> {
        let RowId::Workload { cluster, .. } = row else { return Ok(None) };
        let mut level = self.head(row, "scope3_category_2_ugco2e", self.index.value(row, "scope3_category_2_ugco2e"));
        let is_owned = |asset: &&crate::disclosure::statement::Asset| asset.cluster == *cluster;
        let terms: Vec<Term> = self
            .workings
            .statement
            .scope3
            .assets
            .iter()
            .filter(is_owned)
            .filter(|asset| asset.capitalised_ugco2e.get() != 0)
            .filter_map(|asset| self.term(&RowId::Asset { cluster: asset.cluster.clone(), node: asset.node.clone() }, "capitalised_ugco2e"))
            .collect();
        if terms.is_empty() {
            return Ok(None);
        }
        let largest = terms.iter().max_by_key(|term| term.value.unwrap_or(0)).and_then(|term| term.id.clone());
        self.add_sum(&mut level, "node", terms, Unit::MicrogramsCo2e);
        level.next = self.follow(largest.as_deref(), depth)?;
        Ok(Some(level))
    }

    /// Rows of the sections on Scope 2 and Scope 3.
    pub fn of_scopes(&self, row: &RowId, field: &str, depth: usize) -> Result<Option<Explanation>> {
        let Some(figure) = self.index.get(&row.figure(field).to_string()) else { return Ok(None) };
        let mut level = self.head(row, field, figure.value);
        match row {
            RowId::Scope2 { cluster_and_zone: Some((cluster, zone)) } => self.scope2(&mut level, row, (cluster, zone), field, depth)?,
            RowId::MarketZone { zone } => self.market_zone(&mut level, row, zone, field, depth)?,
            RowId::Instrument { number } => self.instrument(&mut level, *number, field),
            RowId::Asset { cluster, node } => self.asset(&mut level, row, (cluster, node), field, depth)?,
            RowId::Scope3 { category: Some(category) } => {
                let name = format!("scope3_category_{category}_ugco2e");
                let terms: Vec<Term> = self.term(&RowId::Totals, &name).into_iter().collect();
                if !terms.is_empty() {
                    self.add_sum(&mut level, "figure of the totals", terms, Unit::MicrogramsCo2e);
                    level.next = self.follow(Some(&RowId::Totals.figure(&name).to_string()), depth)?;
                }
            }
            _ => {}
        }
        Ok(Some(level))
    }

    fn scope2(&self, level: &mut Explanation, row: &RowId, (cluster, zone): (&str, &str), field: &str, depth: usize) -> Result<()> {
        let unit = Unit::of(field);
        let differences = match field {
            "hourly_less_annual_ugco2e" => Some(["location_based_ugco2e", "location_based_annual_ugco2e"]),
            "market_less_location_based_ugco2e" => Some(["market_based_ugco2e", "location_based_ugco2e"]),
            _ => None,
        };
        if let Some([of, less]) = differences {
            let part = |name: &str, sign: i64| {
                let term = self.term(row, name)?;
                Some(Term { what: name.to_owned(), value: term.value.map(|value| value * sign), ..term })
            };
            self.add_sum(level, "figure", [part(of, 1), part(less, -1)].into_iter().flatten().collect(), unit);
            level.next = self.follow(Some(&row.figure(of).to_string()), depth)?;
            return Ok(());
        }
        let Some(index) = self.cluster(cluster) else { return Ok(()) };
        let workings = self.workings;
        let sites = &workings.plan.terms.clusters[index].sites;
        let is_of = |site: usize| sites[site].grid_zone == zone && sites[site].placement == Placement::Scope2;
        let inventory = &workings.inventory.clusters[index];
        let market = workings.market.parts(index, inventory);
        let of_report = match field {
            "facility_mj" => "facility_mj",
            "location_based_ugco2e" => "scope2_location_based_ugco2e",
            "location_based_annual_ugco2e" => "scope2_location_based_annual_ugco2e",
            "market_based_ugco2e" => "scope2_market_based_ugco2e",
            _ => return Ok(()),
        };
        let mut terms = Vec::new();
        for (key, sums) in inventory.workloads.iter().filter(|(key, _)| is_of(key.0)) {
            let value = match field {
                "facility_mj" => Some(sums.facility_mj),
                "location_based_ugco2e" => Some(sums.operational_hourly_ugco2e),
                "location_based_annual_ugco2e" => Some(sums.operational_annual_ugco2e),
                _ => market.iter().find(|(known, _)| *known == key).and_then(|(_, part)| part.ugco2e()),
            };
            let id = RowId::workload(cluster, &key.1, &key.2).figure(of_report).to_string();
            terms.push(Term { id: Some(id), what: format!("{} {}", key.1, key.2), value, ..Term::default() });
        }
        self.add_sum(level, "workload", terms, unit);
        level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
        Ok(())
    }

    /// A zone: its instruments, and its clusters.
    fn market_zone(&self, level: &mut Explanation, row: &RowId, zone: &str, field: &str, depth: usize) -> Result<()> {
        let workings = self.workings;
        let clusters = &workings.plan.terms.clusters;
        let sites = || workings.market.sites.iter().filter(|((cluster, site), _)| clusters[*cluster].sites[*site].grid_zone == zone);
        let site_name = |(cluster, site): &(usize, usize)| {
            let name = &clusters[*cluster].name;
            if *site == 0 { name.clone() } else { format!("{name}, pool {site}") }
        };
        match field {
            "rest_mj" => {
                let part = |name: &str, sign: i64| {
                    let term = self.term(row, name)?;
                    Some(Term { what: name.to_owned(), value: term.value.map(|value| value * sign), ..term })
                };
                let terms = [part("facility_mj", 1), part("covered_mj", -1)].into_iter().flatten().collect();
                self.add_sum(level, "figure", terms, Unit::Millijoules);
                level.next = self.follow(Some(&row.figure("facility_mj").to_string()), depth)?;
            }
            "covered_mj" | "covered_ugco2e" => {
                let mut terms = Vec::new();
                for (at, used) in workings.market.instruments.iter().enumerate() {
                    let of_zone = used.by_site.iter().filter(|((cluster, site), _)| clusters[*cluster].sites[*site].grid_zone == zone);
                    let value: i64 = of_zone
                        .map(|(_, applied)| if field == "covered_mj" { applied.applied_mj.get() } else { applied.applied_ugco2e.get() })
                        .sum();
                    if !used.by_site.is_empty() {
                        let number = at as u64 + 1;
                        let name = if field == "covered_mj" { "applied_mj" } else { "applied_ugco2e" };
                        let id = RowId::Instrument { number }.figure(name).to_string();
                        terms.push(Term::new(Some(id), format!("instrument {number}"), value));
                    }
                }
                self.add_sum(level, "instrument", terms, Unit::of(field));
                level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
            }
            "facility_mj" | "rest_ugco2e" => {
                let mut terms = Vec::new();
                for (key, site) in sites() {
                    let value = if field == "facility_mj" { Some(site.facility_mj.get()) } else { site.rest_ugco2e.map(|rest| rest.get()) };
                    let of_report = if field == "facility_mj" { "facility_mj" } else { "market_based_ugco2e" };
                    let row = RowId::Scope2 { cluster_and_zone: Some((clusters[key.0].name.clone(), zone.to_owned())) };
                    let id = (field == "facility_mj").then(|| row.figure(of_report).to_string());
                    terms.push(Term { id, what: site_name(key), value, ..Term::default() });
                }
                self.add_sum(level, "site", terms, Unit::of(field));
                if field == "rest_ugco2e" {
                    let rule = workings.statement.scope2.zones.iter().find(|row| row.grid_zone == zone).map(|row| row.rest_rule);
                    let rule = rule.and_then(|rule| serde_json::to_value(rule).ok()).and_then(|rule| rule.as_str().map(str::to_owned));
                    level.notes.push(format!(
                        "Rule for the rest: {}. Hour by hour: what is left of the hour's energy at the residual mix, or its share of the hour's own \
                         location-based emissions, rounded once an hour and site.",
                        rule.unwrap_or_default()
                    ));
                    let named =
                        workings.statement.scope2.zones.iter().find(|row| row.grid_zone == zone).and_then(|row| row.residual_mix.clone());
                    for factor in workings.statement.factors.iter().filter(|factor| Some(&factor.id) == named.as_ref()) {
                        level.notes.push(format!("Residual mix {}: {} {} ({}).", factor.id, factor.value, factor.unit, factor.publisher));
                    }
                    level.next = self.follow(Some(&row.figure("rest_mj").to_string()), depth)?;
                } else {
                    level.next = self.follow(level.sums.first().and_then(Sum::largest).and_then(|term| term.id.as_deref()), depth)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn instrument(&self, level: &mut Explanation, number: u64, field: &str) {
        let workings = self.workings;
        let at = usize::try_from(number).unwrap_or(0).wrapping_sub(1);
        let (Some(used), Some(said)) = (workings.market.instruments.get(at), workings.statement.scope2.instruments.get(at)) else { return };
        let clusters = &workings.plan.terms.clusters;
        level.notes.push(format!("Evidence: {}. Factor: {} g/kWh.", said.evidence, said.factor_gco2e_per_kwh));
        if let Some(reason) = &said.not_used_reason {
            level.notes.push(format!("It covers nothing: {reason}."));
        }
        let site = |(cluster, site): &(usize, usize)| format!("{}, {}", clusters[*cluster].name, clusters[*cluster].sites[*site].grid_zone);
        match field {
            "applied_mj" => {
                let terms = used.by_site.iter().map(|(key, applied)| Term::new(None, site(key), applied.applied_mj.get())).collect();
                self.add_sum(level, "site", terms, Unit::Millijoules);
            }
            "applied_ugco2e" => {
                let terms = used.by_site.iter().map(|(key, applied)| Term::new(None, site(key), applied.applied_ugco2e.get())).collect();
                self.add_sum(level, "site", terms, Unit::MicrogramsCo2e);
                for (key, applied) in &used.by_site {
                    level.products.push(Product {
                        what: format!("What it covers at {}", site(key)),
                        formula: "floor(energy_mj × gco2e_per_kwh / 3600 + 0.5)",
                        operands: vec![
                            Operand::whole("energy_mj", applied.applied_mj.get(), Unit::Millijoules),
                            Operand::factor("gco2e_per_kwh", said.factor_gco2e_per_kwh, "g/kWh", said.evidence.clone()),
                        ],
                        result: applied.applied_ugco2e.get(),
                        unit: Unit::MicrogramsCo2e.name(),
                    });
                }
            }
            _ => {}
        }
    }

    fn asset(&self, level: &mut Explanation, row: &RowId, (cluster, node): (&str, &str), field: &str, depth: usize) -> Result<()> {
        let workings = self.workings;
        let Some(index) = self.cluster(cluster) else { return Ok(()) };
        let Some(of_month) = workings.plan.survey.clusters[index].nodes.get(node) else { return Ok(()) };
        let Some(shares) = NodeShares::of_node(workings.plan, workings.inventory, index, node) else { return Ok(()) };
        let site = &workings.plan.terms.clusters[index].sites[of_month.site];
        let Some(terms) = &site.embodied else { return Ok(()) };
        let value = level.value.unwrap_or(0);
        let whole = |name, value, unit: &str| Operand { name, value: Number::Whole(value), unit: unit.to_owned(), source: None };
        match field {
            "embodied_ugco2e" => level.products.push(Product {
                what: format!("Making a machine of class {}", terms.class),
                formula: "floor((embodied_kgco2e + gpus × gpu_embodied_kgco2e) × 1,000,000,000 + 0.5)",
                operands: vec![
                    Operand::factor("embodied_kgco2e", terms.embodied_kgco2e, "kgCO2e", terms.source.clone()),
                    whole("gpus", terms.gpus.into(), ""),
                    Operand::factor("gpu_embodied_kgco2e", terms.gpu_embodied_kgco2e, "kgCO2e", terms.source.clone()),
                ],
                result: value,
                unit: Unit::MicrogramsCo2e.name(),
            }),
            "amortised_ugco2e" => {
                level.products.push(Product {
                    what: "The period's part of its life".to_owned(),
                    formula: "floor(embodied_ugco2e × served_ms / life_ms + 0.5)",
                    operands: vec![
                        whole("embodied_ugco2e", shares.total_ugco2e, Unit::MicrogramsCo2e.name()),
                        whole("served_ms", shares.served_ms, "ms"),
                        whole("life_ms", shares.life_ms, "ms"),
                    ],
                    result: value,
                    unit: Unit::MicrogramsCo2e.name(),
                });
                level.next = self.follow(Some(&row.figure("embodied_ugco2e").to_string()), depth)?;
            }
            "capitalised_ugco2e" => {
                let why = match (site.boundary, value) {
                    (Boundary::Cloud, _) => "a cloud's machine is no capital good of ours",
                    (_, 0) => "it did not come into service in the period",
                    _ => "it is owned and came into service in the period: the whole counts now",
                };
                level.notes.push(format!("{}.", crate::cli::explain::text::sentence_case(why)));
                level.next = self.follow(Some(&row.figure("embodied_ugco2e").to_string()), depth)?;
            }
            _ => {}
        }
        Ok(())
    }
}
