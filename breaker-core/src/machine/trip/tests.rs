//! Tests the rules that open a breaker, and how each shows its numbers.

use super::*;

const RULES: WindowRules =
    WindowRules { failure_rate: None, slow_call_rate: None, slow_call_duration: None, fail_max: None, min_calls: 10 };

#[test]
fn a_rate_is_reached_exactly_at_its_share_for_any_number_of_calls() {
    for calls in 1..=1000_u64 {
        for failed in 1..=calls {
            let limit = failed as f64 / calls as f64;
            let text = format!("{limit}");
            let rules = WindowRules { failure_rate: Some(text.parse().unwrap()), min_calls: 1, ..RULES };
            assert!(rules.evaluate(&WindowTotals { calls, failed, slow: 0 }).is_some(), "{failed} of {calls}");
            assert!(rules.evaluate(&WindowTotals { calls, failed: failed - 1, slow: 0 }).is_none());
        }
    }
    assert!(reaches(7, 100, 0.07) && reaches(29, 100, 0.29));
}

#[test]
fn rates_need_the_least_number_of_calls_and_a_count_does_not() {
    let rules = WindowRules { failure_rate: Some(0.5), fail_max: Some(9), ..RULES };
    assert_eq!(rules.evaluate(&WindowTotals { calls: 9, failed: 8, slow: 0 }), None);
    assert_eq!(
        rules.evaluate(&WindowTotals { calls: 9, failed: 9, slow: 0 }),
        Some(Trip::Failures { failed: 9, calls: 9 })
    );
    let trip = rules.evaluate(&WindowTotals { calls: 10, failed: 5, slow: 0 });
    assert_eq!(trip, Some(Trip::FailureRate { failed: 5, calls: 10, limit: 0.5 }));
    assert_eq!(WindowRules { min_calls: 0, ..rules }.evaluate(&WindowTotals::default()), None);
}

#[test]
fn each_rule_shows_its_numbers() {
    let than = Duration::from_secs(4);
    let cases = [
        (Trip::FailureRate { failed: 62, calls: 100, limit: 0.5 }, "failure rate 62 % of 100 calls (limit 50 %)"),
        (Trip::FailureRate { failed: 1, calls: 3, limit: 0.125 }, "failure rate 33.3 % of 3 calls (limit 12.5 %)"),
        (Trip::SlowRate { slow: 3, calls: 5, limit: 0.5, than }, "60 % of 5 calls took longer than 4s (limit 50 %)"),
        (Trip::Failures { failed: 5, calls: 40 }, "5 failures of 40 calls"),
        (
            Trip::FailureRate { failed: 1, calls: 70_000, limit: 1e-6 },
            "failure rate 0.001 % of 70000 calls (limit 0.0001 %)",
        ),
        (Trip::Probe { successes: 0, of: 1 }, "a probe failed"),
        (Trip::SlowProbe { successes: 1, of: 2, than }, "a probe took longer than 4s after 1 of 2 successes"),
        (
            Trip::Trial { failed: 2, slow: 0, than, probes: 3, needed: 2 },
            "2 of 3 probes failed, and closing takes 2 successes",
        ),
        (
            Trip::Trial { failed: 1, slow: 1, than, probes: 3, needed: 2 },
            "2 of 3 probes failed or took longer than 4s, and closing takes 2 successes",
        ),
        (
            Trip::Trial { failed: 0, slow: 2, than, probes: 3, needed: 1 },
            "2 of 3 probes took longer than 4s, and closing takes 1 success",
        ),
        (Trip::ProbeFailureRate { failed: 3, probes: 4, limit: 0.5 }, "failure rate 75 % of 4 probes (limit 50 %)"),
    ];
    for (trip, text) in cases {
        assert_eq!(trip.to_string(), text);
    }
}
