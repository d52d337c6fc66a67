//! Tests the alert rules: `promtool` accepts them, and each links to its documentation.

use std::{fs, process::Command};

use crate::dashboards;

#[track_caller]
pub(crate) fn promtool(arguments: &[&str], file: &str) {
    let checked = Command::new("promtool")
        .args(arguments)
        .arg(file)
        .current_dir(dashboards(""))
        .output()
        .expect("promtool runs (Debian: apt-get install prometheus)");
    let said = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
}

#[test]
fn the_rules_are_rules() {
    promtool(&["check", "rules"], "alerts.yml");
}

#[test]
fn the_rules_alert_when_they_should() {
    promtool(&["test", "rules"], "alerts.test.yml");
}

#[test]
fn every_alert_has_a_severity_a_text_and_a_section_of_the_guide() {
    let guide = fs::read_to_string(dashboards("../docs/guide/operating.md")).unwrap();
    let rules = fs::read_to_string(dashboards("alerts.yml")).unwrap();
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    assert_eq!(alerts.len(), 6);
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for part in ["severity: ", "summary: ", "description: "] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
        let anchor = name.to_lowercase();
        assert!(alert.contains(&format!("runbook: docs/guide/operating.md#alert-{anchor}\n")), "{name}");
        assert!(guide.contains(&format!("\n### Alert {name}\n")), "operating.md has no heading `Alert {name}`");
    }
}
