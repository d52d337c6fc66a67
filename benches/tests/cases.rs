//! Checks that each case does what it says, over as many calls as a round has.

use breaker_benches::{Bytes, Calls, Case, Ending, Kind, SUBJECTS, Subject};
use std::thread;

const CALLS: u64 = 20_000;

/// Panics if a call did not end as its case says.
fn check(endings: &[Ending], subject: &Subject, case: Case, bytes: Option<Bytes>) {
    for (n, ending) in endings.iter().enumerate() {
        let (what, expected) = (format!("{}, `{}`, {bytes:?}, call {n}", subject.name, case.name()), case.expected(n));
        let no_body = matches!(subject.name, "loop" | "clock" | "quanta");
        assert_eq!(ending.ran, !case.rejects() && !no_body, "{what}: whether the body ran");
        // An annotated function's error of no bytes does not say that the call was rejected.
        let silent = bytes == Some(Bytes::B0) && subject.name == "attribute" && expected == Kind::Rejected;
        assert_eq!(ending.kind, if silent { Kind::Err } else { expected }, "{what}");
    }
}

#[test]
fn calls_end_as_their_case_says() {
    for case in Case::ALL {
        for subject in SUBJECTS {
            let Some(calls) = subject.calls(case) else { continue };
            check(&calls.endings(CALLS), subject, case, None);
        }
    }
}

#[test]
fn calls_with_errors_of_each_size_end_as_their_case_says() {
    for bytes in Bytes::ALL {
        for case in Case::ALL {
            for subject in SUBJECTS {
                let Some(calls) = subject.sized_calls(case, bytes) else { continue };
                check(&calls.endings(CALLS), subject, case, Some(bytes));
            }
        }
    }
}

#[test]
fn calls_of_two_threads_end_as_their_case_says() {
    for case in [Case::Ok, Case::Err, Case::Open, Case::Full, Case::Key] {
        for subject in SUBJECTS {
            let Some(calls) = subject.sized_calls(case, Bytes::B8) else { continue };
            for endings in both(&calls) {
                check(&endings, subject, case, Some(Bytes::B8));
            }
        }
    }
}

/// Calls of two threads at once.
fn both(calls: &Calls) -> [Vec<Ending>; 2] {
    thread::scope(|scope| {
        let other = scope.spawn(|| calls.endings(CALLS));
        [calls.endings(CALLS), other.join().expect("the calls end")]
    })
}

#[test]
fn errors_have_their_size() {
    assert_eq!(Bytes::ALL.map(Bytes::count), [0, 8, 24, 128]);
    assert_eq!(Bytes::ALL.map(|bytes| Bytes::named(bytes.count())), Bytes::ALL.map(Some));
    assert_eq!(Bytes::named(1), None);
}
