//! Call site: where a breaker was declared.

use crate::directory::Declared;

/// A place in the code that uses a breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct CallSite {
    /// The annotated function, as `module::Type::function`; `None` where there is none, as for [`Registry::breaker`](crate::Registry::breaker).
    pub function: Option<String>,
    /// The file and line.
    pub place: String,
}

impl From<&Declared> for CallSite {
    /// The place of a function is told as `file:line (function)`.
    fn from(declared: &Declared) -> Self {
        let place = &*declared.place;
        match place.strip_suffix(')').and_then(|place| place.rsplit_once(" (")) {
            Some((place, function)) => Self { function: Some(function.to_owned()), place: place.to_owned() },
            None => Self { function: None, place: place.to_owned() },
        }
    }
}
