//! Words the reply to a request for a breaker that does not exist.

use breaker_core::Registry;

/// Longer names, in characters, are shortened in the reply.
const MAX_CHARS: usize = 200;

/// Says that no breaker has this name, and suggests the nearest name.
pub(crate) fn not_found(registry: &Registry, name: &str) -> String {
    let parent = name.split_once('[').map_or(name, |(parent, _)| parent);
    let requested = shortened(name);
    if parent != name && registry.get(parent).is_some() {
        return format!(
            "There is no circuit breaker `{requested}`: `{parent}` has none for this key, which has had no call yet or was evicted."
        );
    }
    match registry.suggest(name).or_else(|| registry.suggest(parent)) {
        Some(suggestion) => format!("There is no circuit breaker `{requested}`; did you mean `{suggestion}`?"),
        None => {
            format!("There is no circuit breaker `{requested}`; GET /health/circuit-breakers lists those that exist.")
        }
    }
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
