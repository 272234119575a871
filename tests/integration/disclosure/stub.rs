//! A taxonomy of a profile's own making, for tests: the concepts that the profile lists, with their types, and every axis closed to what it lists.
//!
//! The taxonomies themselves are their publisher's to give out and are not here. This one is stricter in what a concept may carry: ESRS Set 1 lets
//! every concept carry every axis in roles of its own, so that a validator with the real one does not see a member on the wrong concept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wattledger::disclosure::standards::{ItemType, Profile};

/// A taxonomy package that answers for the profile's entry point.
pub fn package(python: &Path, folder: &Path, profile: &Profile) -> PathBuf {
    let root = folder.join(format!("stub-{}", profile.profile));
    let (base, file) = profile.taxonomy.entry_point.rsplit_once('/').unwrap();
    fs::create_dir_all(root.join("META-INF")).unwrap();
    fs::create_dir_all(root.join("files")).unwrap();
    fs::write(root.join("files").join(file), schema(profile)).unwrap();
    fs::write(root.join("files/definition.xml"), definition(profile, file)).unwrap();
    fs::write(root.join("files/calculation.xml"), calculation(profile, file)).unwrap();
    let catalog = format!(
        r#"<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog"><rewriteURI uriStartString="{base}/" rewritePrefix="../files/"/></catalog>"#
    );
    fs::write(root.join("META-INF/catalog.xml"), catalog).unwrap();
    let manifest = format!(
        r#"<tp:taxonomyPackage xml:lang="en" xmlns:tp="http://xbrl.org/2016/taxonomy-package"><tp:identifier>{base}/stub</tp:identifier><tp:name>Stub</tp:name></tp:taxonomyPackage>"#
    );
    fs::write(root.join("META-INF/taxonomyPackage.xml"), manifest).unwrap();
    // Rust's standard library writes no ZIP; the Python that runs the validator does.
    let package = folder.join(format!("stub-{}.zip", profile.profile));
    let status = Command::new(python).args(["-m", "zipfile", "-c"]).arg(&package).arg(&root).status().unwrap();
    assert!(status.success(), "zip {}", root.display());
    package
}

fn type_of(item_type: ItemType) -> &'static str {
    match item_type {
        ItemType::Energy => "dtr-types:energyItemType",
        ItemType::Ghg => "dtr-types:ghgEmissionsItemType",
        ItemType::Percent => "dtr-types:percentItemType",
        ItemType::GhgPerMonetary => "dtr-types:ghgEmissionsPerMonetaryItemType",
        ItemType::Monetary => "xbrli:monetaryItemType",
    }
}

/// The member that a fact without the axis has; the stub needs one where the profile names none.
fn default_of(profile: &Profile, axis: &str) -> String {
    profile.axes[axis].default.clone().unwrap_or_else(|| format!("{axis}DefaultMember"))
}

/// Concepts that may carry the same axes share a table.
fn tables(profile: &Profile) -> Vec<(Vec<String>, Vec<String>)> {
    let mut tables: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for (name, concept) in &profile.concepts {
        tables.entry(concept.axes.clone()).or_default().push(name.clone());
    }
    tables.into_iter().collect()
}

fn schema(profile: &Profile) -> String {
    let mut elements = String::new();
    let mut element = |name: &str, of: &str, group: &str, is_abstract: bool| {
        writeln!(
            elements,
            r#"<xs:element name="{name}" id="x_{name}" type="{of}" substitutionGroup="{group}" abstract="{is_abstract}" nillable="true" xbrli:periodType="duration"/>"#
        )
        .unwrap();
    };
    for (name, concept) in &profile.concepts {
        element(name, type_of(concept.item_type), "xbrli:item", false);
    }
    for (name, axis) in &profile.axes {
        element(name, "xbrli:stringItemType", "xbrldt:dimensionItem", true);
        for member in axis.members.iter().chain([&default_of(profile, name)]) {
            element(member, "dtr-types:domainItemType", "xbrli:item", true);
        }
    }
    for number in 0..tables(profile).len() {
        element(&format!("Table{number}"), "xbrli:stringItemType", "xbrldt:hypercubeItem", true);
        element(&format!("LineItems{number}"), "xbrli:stringItemType", "xbrli:item", true);
    }
    let namespace = &profile.taxonomy.namespace;
    let role = |id: &str, used_on: &str| {
        format!(
            r#"<link:roleType roleURI="{namespace}/role/{id}" id="{id}"><link:definition>{id}</link:definition><link:usedOn>{used_on}</link:usedOn></link:roleType>"#
        )
    };
    let roles: String = (0..tables(profile).len()).map(|number| role(&format!("table-{number}"), "link:definitionLink")).collect();
    let linkbase = |file: &str, kind: &str| {
        format!(
            r#"<link:linkbaseRef xlink:type="simple" xlink:href="{file}" xlink:role="http://www.xbrl.org/2003/role/{kind}LinkbaseRef" xlink:arcrole="http://www.w3.org/1999/xlink/properties/linkbase"/>"#
        )
    };
    format!(
        r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:link="http://www.xbrl.org/2003/linkbase"
 xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xbrldt="http://xbrl.org/2005/xbrldt" xmlns:dtr-types="http://www.xbrl.org/dtr/type/2024-01-31"
 targetNamespace="{namespace}" elementFormDefault="qualified">
<xs:annotation><xs:appinfo>{}{}{roles}</xs:appinfo></xs:annotation>
<xs:import namespace="http://www.xbrl.org/2003/instance" schemaLocation="http://www.xbrl.org/2003/xbrl-instance-2003-12-31.xsd"/>
<xs:import namespace="http://xbrl.org/2005/xbrldt" schemaLocation="http://www.xbrl.org/2005/xbrldt-2005.xsd"/>
<xs:import namespace="http://www.xbrl.org/dtr/type/2024-01-31" schemaLocation="https://www.xbrl.org/dtr/type/2024-01-31/types.xsd"/>
{elements}</xs:schema>"#,
        linkbase("definition.xml", "definition"),
        linkbase("calculation.xml", "calculation"),
    )
}

/// An extended link whose locators are made as arcs name them.
struct Link<'a> {
    file: &'a str,
    located: BTreeSet<String>,
    text: String,
}

impl<'a> Link<'a> {
    fn new(file: &'a str) -> Self {
        Self { file, located: BTreeSet::new(), text: String::new() }
    }

    fn arc(&mut self, element: &str, arcrole: &str, from: &str, to: &str, more: &str) {
        for name in [from, to] {
            if self.located.insert(name.to_owned()) {
                let href = format!("{}#x_{name}", self.file);
                writeln!(self.text, r#"<link:loc xlink:type="locator" xlink:href="{href}" xlink:label="{name}"/>"#).unwrap();
            }
        }
        writeln!(
            self.text,
            r#"<link:{element} xlink:type="arc" xlink:arcrole="{arcrole}" xlink:from="{from}" xlink:to="{to}" order="1" {more}/>"#
        )
        .unwrap();
    }
}

const DIMENSIONS: &str = "http://xbrl.org/int/dim/arcrole";

fn definition(profile: &Profile, file: &str) -> String {
    let role = |number| format!("{}/role/table-{number}", profile.taxonomy.namespace);
    let mut links = String::new();
    let mut references = String::new();
    for (number, (axes, concepts)) in tables(profile).into_iter().enumerate() {
        let mut link = Link::new(file);
        let mut arc =
            |kind: &str, from: &str, to: &str, more: &str| link.arc("definitionArc", &format!("{DIMENSIONS}/{kind}"), from, to, more);
        let (table, items) = (format!("Table{number}"), format!("LineItems{number}"));
        arc("all", &items, &table, r#"xbrldt:contextElement="scenario" xbrldt:closed="true""#);
        for axis in &axes {
            let domain = default_of(profile, axis);
            arc("hypercube-dimension", &table, axis, "");
            arc("dimension-domain", axis, &domain, "");
            for member in &profile.axes[axis].members {
                arc("domain-member", &domain, member, "");
            }
        }
        for concept in &concepts {
            arc("domain-member", &items, concept, "");
        }
        writeln!(references, r#"<link:roleRef roleURI="{}" xlink:type="simple" xlink:href="{file}#table-{number}"/>"#, role(number))
            .unwrap();
        write!(links, r#"<link:definitionLink xlink:type="extended" xlink:role="{}">{}</link:definitionLink>"#, role(number), link.text)
            .unwrap();
    }
    let mut defaults = Link::new(file);
    for axis in profile.axes.keys() {
        defaults.arc("definitionArc", &format!("{DIMENSIONS}/dimension-default"), axis, &default_of(profile, axis), "");
    }
    if !profile.axes.is_empty() {
        let standard = "http://www.xbrl.org/2003/role/link";
        write!(links, r#"<link:definitionLink xlink:type="extended" xlink:role="{standard}">{}</link:definitionLink>"#, defaults.text)
            .unwrap();
    }
    for kind in ["all", "hypercube-dimension", "dimension-domain", "domain-member", "dimension-default"] {
        let href = format!("http://www.xbrl.org/2005/xbrldt-2005.xsd#{kind}");
        writeln!(references, r#"<link:arcroleRef arcroleURI="{DIMENSIONS}/{kind}" xlink:type="simple" xlink:href="{href}"/>"#).unwrap();
    }
    linkbase(&references, &links)
}

/// Sums that the standards state, as far as the profile has their parts.
const SUMS: [(&str, &[&str]); 6] = [
    (
        "EnergyConsumptionRelatedToOwnOperations",
        &["EnergyConsumptionFromFossilSources", "EnergyConsumptionFromNuclearSources", "EnergyConsumptionFromRenewableSources"],
    ),
    (
        "LocationBasedGreenhouseGasEmissions",
        &["GrossScope1GreenhouseGasEmissions", "GrossLocationBasedScope2GreenhouseGasEmissions", "GrossScope3GreenhouseGasEmissions"],
    ),
    (
        "MarketBasedGreenhouseGasEmissions",
        &["GrossScope1GreenhouseGasEmissions", "GrossMarketBasedScope2GreenhouseGasEmissions", "GrossScope3GreenhouseGasEmissions"],
    ),
    (
        "TotalEnergyConsumptionRelatedToTheUndertakingSOwnOperations",
        &[
            "TotalEnergyConsumptionFromFossilSources",
            "TotalEnergyConsumptionFromNuclearSources",
            "TotalEnergyConsumptionFromRenewableSources",
        ],
    ),
    (
        "TotalGrossLocationBasedGHGEmissions",
        &["GrossScope1GreenhouseGasEmissions", "GrossLocationBasedScope2GreenhouseGasEmissions", "GrossScope3GreenhouseGasEmissions"],
    ),
    (
        "TotalGrossMarketBasedGHGEmissions",
        &["GrossScope1GreenhouseGasEmissions", "GrossMarketBasedScope2GreenhouseGasEmissions", "GrossScope3GreenhouseGasEmissions"],
    ),
];

fn calculation(profile: &Profile, file: &str) -> String {
    let arcrole = "https://xbrl.org/2023/arcrole/summation-item";
    let mut link = Link::new(file);
    for (total, parts) in SUMS.iter().filter(|(total, _)| profile.concepts.contains_key(*total)) {
        for part in *parts {
            link.arc("calculationArc", arcrole, total, part, r#"weight="1""#);
        }
    }
    let standard = "http://www.xbrl.org/2003/role/link";
    let references = format!(
        r#"<link:arcroleRef arcroleURI="{arcrole}" xlink:type="simple" xlink:href="https://www.xbrl.org/2023/calculation-1.1.xsd#summation-item"/>"#
    );
    linkbase(
        &references,
        &format!(r#"<link:calculationLink xlink:type="extended" xlink:role="{standard}">{}</link:calculationLink>"#, link.text),
    )
}

fn linkbase(references: &str, links: &str) -> String {
    format!(
        r#"<link:linkbase xmlns:link="http://www.xbrl.org/2003/linkbase" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xbrldt="http://xbrl.org/2005/xbrldt">
{references}{links}</link:linkbase>"#
    )
}
