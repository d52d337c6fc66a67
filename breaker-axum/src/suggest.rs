//! Words the reply to a request for a breaker that does not exist.

use breaker_core::Registry;

/// Longer names, in characters, are shortened in the reply and not compared with others.
const MAX_CHARS: usize = 200;

/// Says that no breaker has this name, and suggests the nearest name.
pub(crate) fn not_found(registry: &Registry, name: &str) -> String {
    let parent = name.split_once('[').map_or(name, |(parent, _)| parent);
    let requested = shortened(name);
    if parent != name && registry.get(parent).is_some() {
        return format!(
            "There is no circuit breaker `{requested}`: `{parent}` has none for this value, which has had no call yet or was evicted."
        );
    }
    let names: Vec<String> = registry.breakers().iter().map(|breaker| breaker.name().to_owned()).collect();
    match nearest(name, &names).or_else(|| nearest(parent, &names)) {
        Some(suggestion) => format!("There is no circuit breaker `{requested}`; did you mean `{suggestion}`?"),
        None => {
            format!("There is no circuit breaker `{requested}`; GET /health/circuit-breakers lists those that exist.")
        }
    }
}

/// The one of `names` with the smallest edit distance to `name`, if that is at most a third of it.
fn nearest<'n>(name: &str, names: &'n [String]) -> Option<&'n str> {
    let length = name.chars().count();
    // A comparison takes time in proportion to the product of both lengths.
    if length > MAX_CHARS {
        return None;
    }
    let max_distance = |candidate: &str| candidate.chars().count().max(3) / 3;
    names
        .iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= max_distance(candidate))
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate.as_str()))
        .filter(|(distance, candidate)| *distance <= max_distance(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
