//! Patterns, `mut`, attributes, and unused arguments.

use breaker_core::{circuit_breaker, fallback};

use crate::check::{guards, now, upstream, Fault};

struct Point {
    x: u8,
    y: u8,
}

struct Unit;

fn point() -> Point {
    Point { x: 3, y: 4 }
}

#[test]
fn patterns_of_owned_arguments() {
    #[circuit_breaker]
    async fn patterns((a, b): (u8, String), Point { x, y: mut low }: Point, [first, ..]: [u8; 3]) -> Result<u8, Fault> {
        low += upstream()?;
        Ok(a + x + low + first + u8::from(b.len() == 2))
    }
    #[circuit_breaker]
    fn sync_patterns(
        (mut a, _b): (u8, String),
        whole @ Point { .. }: Point,
        (Ok(c) | Err(c)): Result<u8, u8>,
    ) -> Result<u8, Fault> {
        a += whole.y * upstream()?;
        Ok(a + c)
    }
    assert_eq!(guards_future!(patterns((1, "ab".to_owned()), point(), [5, 6, 7])), 15);
    assert_eq!(guards(|| sync_patterns((1, String::new()), point(), Err(3))), 8);
}

#[test]
fn patterns_of_references_and_of_nothing() {
    #[circuit_breaker]
    #[allow(clippy::toplevel_ref_arg, clippy::ref_patterns, reason = "the pattern is the user's")]
    async fn references(&(a, ref b): &(u8, String), Point { x, .. }: &Point, Unit: Unit, _: Unit) -> Result<u8, Fault> {
        upstream()?;
        Ok(a + x + u8::from(b.len() == 2))
    }
    assert_eq!(guards_future!(references(&(1, "ab".to_owned()), &point(), Unit, Unit)), 5);
}

#[test]
fn a_mutable_argument_assigned_a_borrow_of_a_local() {
    #[circuit_breaker]
    async fn reassigned(mut name: &str, mut tries: u8) -> Result<usize, Fault> {
        let longer = format!("{}-{}", name, tries);
        name = &longer;
        tries += upstream()?;
        Ok(name.len() + usize::from(tries))
    }
    assert_eq!(guards_future!(reassigned("abc", 1)), 7);
}

#[test]
fn arguments_that_cfg_takes_away_and_leaves() {
    #[circuit_breaker]
    #[fallback(with_cfg, |_| there.is_empty().then_some(last))]
    async fn cfgs(
        #[cfg(any())] missing: NoSuchType,
        #[cfg(not(any()))] there: String,
        #[cfg(not(any()))] mut last: u8,
    ) -> Result<u8, Fault> {
        last += upstream()?;
        Ok(last + u8::from(there.is_empty()))
    }
    fn with_cfg(there: String, last: u8) -> Option<u8> {
        assert_eq!((there.as_str(), last), ("ab", 1));
        None
    }
    #[circuit_breaker]
    fn sync_cfgs(#[cfg(any())] missing: NoSuchType, #[cfg(not(any()))] (a, mut b): (u8, u8)) -> Result<u8, Fault> {
        b += upstream()?;
        Ok(a + b)
    }
    // Two arguments of one name, of which one is there.
    #[circuit_breaker]
    async fn either(#[cfg(any())] buffer: Vec<u8>, #[cfg(not(any()))] mut buffer: String) -> Result<u8, Fault> {
        buffer.push('b');
        Ok(u8::from(buffer == "ab") + upstream()?)
    }
    assert_eq!(guards_future!(either("a".to_owned())), 2);
    assert_eq!(guards_future!(cfgs("ab".to_owned(), 1)), 2);
    assert_eq!(guards(|| sync_cfgs((1, 2))), 4);
}

#[test]
fn lint_attributes_on_arguments() {
    #[circuit_breaker]
    async fn attributed(
        #[allow(unused_variables)] unused: String,
        #[cfg_attr(not(any()), allow(unused_variables))] sometimes: String,
        #[expect(unused_variables, reason = "to see that it is still met")] expected: String,
        #[expect(unused_mut)] mut still: u8,
        #[expect(unused_variables, unused_mut)] mut both: Vec<u8>,
        #[expect(unused_variables)] reference: &str,
        #[expect(unused_variables)] (left, right): (u8, String),
    ) -> Result<u8, Fault> {
        Ok(still * upstream()?)
    }
    #[circuit_breaker]
    fn sync_attributed(
        #[expect(unused_variables)] expected: String,
        #[expect(unused_mut)] mut n: u8,
    ) -> Result<u8, Fault> {
        Ok(n * upstream()?)
    }
    let text = String::new;
    assert_eq!(guards_future!(attributed(text(), text(), text(), 3, Vec::new(), "", (1, text()))), 3);
    assert_eq!(guards(|| sync_attributed(text(), 2)), 2);
}

#[test]
fn arguments_without_a_use() {
    #[circuit_breaker]
    async fn unused(_: String, _named: Vec<u8>, (_, _second): (String, String)) -> Result<u8, Fault> {
        upstream()
    }
    #[circuit_breaker]
    fn sync_unused(_: String, _named: &mut u8) -> Result<u8, Fault> {
        upstream()
    }
    assert_eq!(guards_future!(unused(String::new(), Vec::new(), (String::new(), String::new()))), 1);
    assert_eq!(guards(|| sync_unused(String::new(), &mut 1)), 1);
}

/// One that a step uses is used. An unused one is reported once, as without the attribute.
#[test]
fn arguments_that_only_a_fallback_uses() {
    #[circuit_breaker]
    #[fallback(|_| Some(text.len() + first.len()))]
    async fn closure(text: String, (first, _second): (String, String)) -> Result<usize, Fault> {
        upstream().map(usize::from)
    }
    #[circuit_breaker]
    #[fallback(with_both, |_| Some(first.len()), on(open, failure))]
    fn path(text: String, (first, _second): (String, String), count: &mut usize) -> Result<usize, Fault> {
        *count += 1;
        upstream().map(usize::from)
    }
    fn with_both(text: String, (first, second): (String, String), count: &mut usize) -> Option<usize> {
        *count += 1;
        Some(text.len() + first.len() + second.len() + *count)
    }
    let text = || "ab".to_owned();
    assert_eq!(now(closure(text(), (text(), text()))), Ok(1));
    assert_eq!(path(text(), (text(), text()), &mut 1), Ok(1), "the body, not a step");
}

#[test]
fn unique_references() {
    #[circuit_breaker]
    fn unique(n: &mut u8, list: &mut Vec<u8>) -> Result<(), Fault> {
        *n += 1;
        upstream()?;
        list.push(*n);
        Ok(())
    }
    let (mut n, mut list) = (1, Vec::new());
    guards(|| unique(&mut n, &mut list));
    assert_eq!((n, list), (7, vec![2]), "the rejected call touched nothing");
}

#[test]
fn no_argument() {
    #[circuit_breaker]
    async fn none() -> Result<(), Fault> {
        upstream().map(drop)
    }
    guards_future!(none());
}

/// What a rejected call was given is dropped as it came, or handed to the fallback without a copy.
#[test]
fn arguments_of_a_rejected_call_are_untouched() {
    /// Neither `Clone` nor `Copy`.
    #[derive(Debug, PartialEq)]
    struct Owned(u8);

    #[circuit_breaker(name = "untouched")]
    #[fallback(give_back)]
    async fn given(owned: Owned, mut list: Vec<u8>) -> Result<(Owned, Vec<u8>), Fault> {
        list.push(1);
        upstream()?;
        Ok((Owned(owned.0 + 1), list))
    }
    fn give_back(owned: Owned, list: Vec<u8>) -> Option<(Owned, Vec<u8>)> {
        Some((owned, list))
    }
    assert_eq!(now(given(Owned(1), vec![])), Ok((Owned(2), vec![1])));
    crate::check::named("untouched").force_open();
    assert_eq!(now(given(Owned(1), vec![])), Ok((Owned(1), vec![])));
}
