//! Nearest: what to say to somebody who asks for a breaker that is not there.

use breaker_core::Registry;

/// The longest name, in characters, that others are compared with.
const LONGEST: usize = 200;

/// Says that there is no breaker of this name, and which one may have been meant.
pub(crate) fn nearest(registry: &Registry, name: &str) -> String {
    let head = name.split_once('[').map_or(name, |(head, _)| head);
    let asked = shortened(name);
    if head != name && registry.get(head).is_some() {
        return format!(
            "There is no circuit breaker `{asked}`: `{head}` has none for this value, which has had no call yet or has made room for others."
        );
    }
    let names: Vec<String> = registry.breakers().iter().map(|breaker| breaker.name().to_owned()).collect();
    match most_like(name, &names).or_else(|| most_like(head, &names)) {
        Some(meant) => format!("There is no circuit breaker `{asked}`; did you mean `{meant}`?"),
        None => {
            format!("There is no circuit breaker `{asked}`; GET /health/circuit-breakers lists those that there are.")
        }
    }
}

/// The one of `names` that differs least from `name`, if that is in less than a third.
fn most_like<'n>(name: &str, names: &'n [String]) -> Option<&'n str> {
    let length = name.chars().count();
    // Comparing takes the product of both lengths.
    if length > LONGEST {
        return None;
    }
    let most = |candidate: &str| candidate.chars().count().max(3) / 3;
    names
        .iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= most(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate.as_str()))
        .filter(|(distance, candidate)| *distance <= most(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
