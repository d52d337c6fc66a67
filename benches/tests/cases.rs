//! Checks that each case does what it says, over many calls.

use breaker_benches::{Case, Kind, SUBJECTS};

#[test]
fn calls_end_as_their_case_says() {
    for case in Case::ALL {
        for subject in SUBJECTS {
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
