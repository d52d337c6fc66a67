//! Tests the stack at each depth.

use super::*;

/// Reports to the nearest call of this breaker, and returns whether there is one.
fn report_evidence(stack: &Stack, breaker: usize, evidence: Evidence) -> bool {
    stack.nearest(Id(breaker), |place| place.mark(evidence)).is_some()
}

fn frames(stack: &Stack, breakers: impl Iterator<Item = usize>) {
    for breaker in breakers {
        stack.push(Id(breaker), PackedState::NONE, breaker as u32, None);
    }
}

/// Each level has its own place, in the array and on the heap.
#[test]
fn calls_leave_in_reverse_order_at_any_depth() {
    STACK.with(|stack| {
        for calls in 1..12 {
            frames(stack, 1..=calls);
            for breaker in 1..=calls {
                assert!(report_evidence(stack, breaker, Evidence::REPORTED), "{breaker} of {calls}");
            }
            assert!(!report_evidence(stack, calls + 1, Evidence::REPORTED));
            for breaker in (1..=calls).rev() {
                let left = stack.innermost().frame();
                assert_eq!((stack.innermost().breaker.get(), left.probe), (Id(breaker), breaker as u32));
                assert_eq!(left.packed.evidence(), Evidence::REPORTED, "{breaker} of {calls}");
                stack.shrink();
            }
            assert!(stack.is_empty());
            assert_eq!(stack.first().probe.get(), 0);
        }
    });
}

/// Also on the heap, and in the last place after the calls inside it have left.
#[test]
fn each_call_keeps_its_start_at_any_depth() {
    let start = |breaker: usize| Tick::from_nanos(breaker as u64);
    STACK.with(|stack| {
        for calls in 1..12 {
            for breaker in 1..=calls {
                stack.push(Id(breaker), PackedState::NONE.with(PackedState::STARTED), 0, None);
                stack.record_start(start(breaker));
            }
            for breaker in (1..=calls).step_by(2) {
                let taken = stack.nearest(Id(breaker), Place::take_start);
                assert_eq!(taken, Some(Some(start(breaker))), "{breaker} of {calls}");
            }
            for breaker in (1..=calls).rev() {
                let left = Some(start(breaker)).filter(|_| breaker % 2 == 0);
                assert_eq!(stack.innermost().take_start(), left, "{breaker} of {calls}");
                stack.shrink();
            }
        }
    });
}

#[test]
fn the_nearest_of_several_calls_of_one_breaker_gets_the_report() {
    STACK.with(|stack| {
        for calls in 2..12 {
            frames(stack, (0..calls).map(|call| 1 + call % 2));
            assert!(report_evidence(stack, 1, Evidence::FAILED));
            let reached: Vec<_> = (0..calls)
                .map(|_| {
                    let reached = stack.innermost().frame().packed.evidence() == Evidence::FAILED;
                    stack.shrink();
                    reached
                })
                .collect();
            let nearest = if calls % 2 == 1 { 0 } else { 1 };
            assert!(reached.iter().enumerate().all(|(at, reached)| *reached == (at == nearest)), "{reached:?}");
        }
    });
}
