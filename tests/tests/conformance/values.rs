//! The values of a case's file. One that this driver does not know is reported by its name: never
//! passed over, never a panic.

use crate::Ended;
use serde_json::Value;
use std::time::Duration;

/// Added to a rate that is to be exceeded, so that it is one to be reached. No two shares of less
/// than a million calls lie that close.
const MORE: f64 = 1e-12;

pub(crate) fn unsupported(knob: &str) -> Ended {
    Ended::Unsupported(knob.to_owned())
}

/// A key without a mapping is never passed over.
pub(crate) fn known(table: &Value, name: &str, keys: &[&str]) -> Result<(), Ended> {
    let Some(table) = table.as_object() else { return Err(unsupported(&format!("{name}={table}"))) };
    let strange = table.keys().find(|key| !keys.contains(&key.as_str()));
    strange.map_or(Ok(()), |key| Err(unsupported(&format!("{name}.{key}"))))
}

/// Nor a word in the place of others.
pub(crate) fn one_of(table: &Value, name: &str, key: &str, words: &[&str]) -> Result<(), Ended> {
    match table.get(key) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(word)) if words.contains(&word.as_str()) => Ok(()),
        Some(other) => Err(unsupported(&format!("{name}.{key}={other}"))),
    }
}

/// One name, or a list of them.
pub(crate) fn names(list: &Value) -> Vec<String> {
    let one = list.as_str();
    list.as_array().into_iter().flatten().filter_map(Value::as_str).chain(one).map(str::to_owned).collect()
}

pub(crate) fn pair(pair: &Value) -> Result<(u32, u32), Ended> {
    let (part, of) = (count(&pair[0])?, count(&pair[1])?);
    if (1..=of).contains(&part) { Ok((part, of)) } else { Err(unsupported(&format!("{part} of {of}"))) }
}

pub(crate) fn count(value: &Value) -> Result<u32, Ended> {
    let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
    count.ok_or_else(|| unsupported(&format!("a count of {value}")))
}

pub(crate) fn millis(value: &Value) -> Result<Duration, Ended> {
    let millis = value.as_f64().and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok());
    millis.ok_or_else(|| unsupported(&format!("a duration of {value}")))
}

pub(crate) fn share(rate: &Value, cmp: &Value) -> Result<f64, Ended> {
    let rate = rate.as_f64().ok_or_else(|| unsupported(&format!("a rate of {rate}")))?;
    match cmp.as_str() {
        Some(">=") | None => Ok(rate),
        Some(">") if rate < 1.0 => Ok(rate + MORE),
        _ => Err(unsupported(&format!("cmp={cmp} with a rate of {rate}"))),
    }
}
