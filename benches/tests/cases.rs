//! Each case is what it says, and stays so over many calls.

use breaker_benches::{Case, Kind, SUBJECTS};

#[test]
fn calls_end_as_their_case_says() {
    for subject in SUBJECTS {
        for case in Case::ALL {
            let Some(calls) = subject.calls(case) else { continue };
            let kinds = calls.kinds(1_000);
            let expected = |n: usize| match case {
                Case::Open | Case::Full => Kind::Rejected,
                Case::Err => Kind::Err,
                Case::ErrOk if n.is_multiple_of(2) => Kind::Err,
                _ => Kind::Ok,
            };
            for (n, kind) in kinds.into_iter().enumerate() {
                assert_eq!(kind, expected(n), "{} in the case `{}`, call {n}", subject.name, case.name());
            }
        }
    }
}

/// A case that a subject lacks is one that it cannot have, and the tables say so.
#[test]
fn every_subject_has_the_cases_that_it_can_have() {
    for (subject, common) in [
        ("bare", 3),
        ("floor", 4),
        ("attribute", 5),
        ("call", 5),
        ("failsafe", 4),
        ("recloser", 4),
        ("breaker", 5),
        ("tower-resilience", 5),
    ] {
        let first = &Case::ALL[..5];
        let has = first.iter().filter(|case| breaker_benches::calls(subject, case.name()).is_some()).count();
        assert_eq!(has, common, "{subject}");
    }
}
