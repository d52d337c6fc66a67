//! Tests the queries and panels of the Grafana dashboard.
//!
//! The queries are valid and use exported metrics, and the panels do not overlap.

use std::{collections::HashSet, fmt::Write as _, fs};

use breaker_core::metrics::NAMES;
use serde_json::Value;

use crate::{dashboards, rules::promtool};

fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(dashboards("grafana.json")).unwrap()).unwrap()
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().unwrap()
}

/// All queries, with values for the variables.
fn queries(dashboard: &Value) -> Vec<String> {
    let of_panels = panels(dashboard).iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let of_annotations = dashboard["annotations"]["list"].as_array().unwrap();
    let all = of_panels.chain(of_annotations).map(|query| query["expr"].as_str().unwrap());
    all.map(|query| query.replace("$__rate_interval", "1m").replace("$__interval", "1m")).collect()
}

/// The names of the metrics in a query.
fn metrics(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
    words.filter(|word| word.starts_with("circuit_breaker_"))
}

#[test]
fn queries_ask_for_what_is_exported_and_leave_nothing_out() {
    let dashboard = dashboard();
    let mut asked = HashSet::new();
    for query in queries(&dashboard) {
        assert!(metrics(&query).next().is_some(), "{query}");
        for metric in metrics(&query) {
            let name = metric.strip_suffix("_bucket").unwrap_or(metric);
            assert!(NAMES.contains(&name), "{metric} in {query}");
            asked.insert(name.to_owned());
        }
        for variable in ["$job", "$instance", "$breaker"] {
            assert!(query.contains(variable), "{query} does not look at {variable}");
        }
    }
    assert_eq!(asked.len(), NAMES.len(), "{asked:?}");
}

#[test]
fn queries_are_promql() {
    let mut rules = "groups: [{name: queries, rules: [\n".to_owned();
    for (number, query) in queries(&dashboard()).iter().enumerate() {
        writeln!(rules, "{{record: 'query_{number}', expr: '{query}'}},").unwrap();
    }
    rules += "]}]\n";
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("queries.yml");
    fs::write(&file, rules).unwrap();
    promtool(&["check", "rules"], file.to_str().unwrap());
}

#[test]
fn panels_have_numbers_titles_and_places_of_their_own() {
    let dashboard = dashboard();
    let (mut ids, mut taken) = (HashSet::new(), HashSet::new());
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title} has a number that another one has");
        assert!(!panel["description"].as_str().unwrap().is_empty(), "{title}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|part| panel["gridPos"][part].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{title} is not on the page");
        for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(place), "{title} lies upon another panel");
        }
    }
    let rows = taken.iter().map(|(_, y)| y + 1).max().unwrap();
    assert_eq!(taken.len() as u64, 24 * rows, "there is no gap");
}

#[test]
fn one_chooses_the_data_source_and_the_breaker() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "job", "instance", "breaker"]);
    assert_eq!(variables[0]["type"], "datasource");
}
