//! Classifies the value in an `Ok`: by `Classify`, or by its HTTP status.

use crate::breaker::error_view::{Classified, ErrorView};
#[cfg(feature = "tracing")]
use crate::breaker::log::advice as log;
use crate::classify::Classify;
use crate::machine::outcome::Outcome;
use crate::sync::Ordering;
use crate::sync::statics::AtomicBool;
use std::any::type_name;

/// How a call of an annotated async function classifies the value in its `Ok`: what it counts as,
/// and what is known of it.
pub(crate) type ClassifyValue<T> = for<'v> fn(&'v T) -> Classified<'v>;

/// Wraps a value for its classification (autoref specialisation, as
/// [`AsError`](crate::macro_support::show_error::AsError)).
#[derive(Debug)]
pub struct Valued<'v, T>(pub &'v T);

/// The value says what it counts as.
pub trait BySelf {
    fn __breaker_outcome(&self) -> Outcome;

    /// The same where the value may hold a response.
    fn __breaker_outcome_or_advice(&self, advice: &Advice) -> Outcome;
}

impl<T: Classify> BySelf for Valued<'_, T> {
    fn __breaker_outcome(&self) -> Outcome {
        self.0.classify()
    }

    fn __breaker_outcome_or_advice(&self, _: &Advice) -> Outcome {
        self.0.classify()
    }
}

/// The value says nothing, so it is a success.
pub trait ByOk {
    fn __breaker_outcome(&self) -> Outcome;

    /// The same where the value may hold a response.
    fn __breaker_outcome_or_advice(&self, advice: &Advice) -> Outcome;
}

impl<T> ByOk for &Valued<'_, T> {
    fn __breaker_outcome(&self) -> Outcome {
        Outcome::Success
    }

    fn __breaker_outcome_or_advice(&self, advice: &Advice) -> Outcome {
        advice.of_no_status(type_name::<T>());
        Outcome::Success
    }
}

/// A response with an HTTP status.
pub trait HttpStatus {
    fn http_status(&self) -> u16;
}

/// A value with an HTTP status.
pub trait ByStatus {
    fn __breaker_status(&self) -> Option<u16>;

    /// The value of a function that does not classify values.
    fn __breaker_advise(&self, advice: &Advice) -> Classified<'static>;
}

impl<T: HttpStatus> ByStatus for Valued<'_, T> {
    fn __breaker_status(&self) -> Option<u16> {
        Some(self.0.http_status())
    }

    fn __breaker_advise(&self, advice: &Advice) -> Classified<'static> {
        advice.of_status(self.0.http_status())
    }
}

/// Any other value.
pub trait ByNoStatus {
    fn __breaker_status(&self) -> Option<u16>;

    /// The value of a function that does not classify values.
    fn __breaker_advise(&self, advice: &Advice) -> Classified<'static>;
}

impl<T> ByNoStatus for &Valued<'_, T> {
    fn __breaker_status(&self) -> Option<u16> {
        None
    }

    fn __breaker_advise(&self, advice: &Advice) -> Classified<'static> {
        advice.of_no_status(type_name::<T>());
        (Outcome::Success, ErrorView::NOTHING)
    }
}

/// Whether the log has advised how the responses of one function can count as failures.
#[derive(Debug)]
pub struct Advice {
    function: &'static str,
    given: AtomicBool,
}

impl Advice {
    #[must_use]
    pub const fn new(function: &'static str) -> Self {
        Self { function, given: AtomicBool::new(false) }
    }

    /// A response of a function that does not classify values: a success, even if its status
    /// reports a failure. The first such failure is logged.
    fn of_status(&self, status: u16) -> Classified<'static> {
        if self.is_first_failure(status) {
            #[cfg(feature = "tracing")]
            log::failed_response(self.function, status);
        }
        (Outcome::Success, ErrorView::NOTHING)
    }

    /// A response that a preset counts as a success without a look at it. The first one with a
    /// failure status is logged.
    pub(crate) fn of_preset(&self, status: u16) {
        if self.is_first_failure(status) {
            #[cfg(feature = "tracing")]
            log::failed_response_of_preset(self.function, status);
        }
    }

    fn is_first_failure(&self, status: u16) -> bool {
        let _ = self.function;
        status >= 500 && !self.given.swap(true, Ordering::Relaxed)
    }

    /// A value of the type `of`, whose status cannot be seen. If it is, or holds, a response of
    /// another crate, the first one is logged.
    #[inline]
    fn of_no_status(&self, of: &'static str) {
        if !self.given.load(Ordering::Relaxed) {
            self.first_without_status(of);
        }
    }

    #[cold]
    fn first_without_status(&self, of: &'static str) {
        if self.given.swap(true, Ordering::Relaxed) {
            return;
        }
        if let Some(response) = ForeignResponse::in_type(of) {
            #[cfg(feature = "tracing")]
            log::unseen_status(self.function, of, response.features());
            #[cfg(not(feature = "tracing"))]
            let _ = response.features();
        }
    }
}

/// An HTTP response of another crate, in the name of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ForeignResponse<'n> {
    /// Its path, such as `http::response::Response`.
    path: &'n str,
    /// The type is this response, and not one that holds it.
    is_whole: bool,
}

impl<'n> ForeignResponse<'n> {
    /// Crates with a type `Response` that is an `Ok` whatever its status. Those of `tonic` and
    /// `ureq` are no failures: these crates return an error in their place.
    const CRATES: [&'static str; 5] = ["http", "reqwest", "surf", "attohttpc", "minreq"];

    /// A function that makes a response is none, so types with `->` are left out.
    fn in_type(name: &'n str) -> Option<Self> {
        let is_apart = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
        if name.contains("->") || name.split(is_apart).any(|path| krate(path) == "ureq") {
            return None;
        }
        let is_one = |path: &&str| path.ends_with("::Response") && Self::CRATES.contains(&krate(path));
        let path = name.split(is_apart).find(is_one)?;
        Some(Self { path, is_whole: name.starts_with(path) })
    }

    /// The features of this library, one for each version, with which it sees the status.
    fn features(self) -> Option<&'static str> {
        match krate(self.path) {
            "http" if self.is_whole => Some("`http-1` or `http-0-2`"),
            "reqwest" if self.is_whole && !self.path.contains("::blocking::") => {
                Some("`reqwest-0-13` or `reqwest-0-12`")
            }
            _ => None,
        }
    }
}

/// The crate of a path.
fn krate(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_of_another_crate_is_found_in_the_name_of_a_type() {
        for (name, expected) in [
            ("http::response::Response<&str>", Some(Some("`http-1` or `http-0-2`"))),
            ("reqwest::async_impl::response::Response", Some(Some("`reqwest-0-13` or `reqwest-0-12`"))),
            ("reqwest::blocking::response::Response", Some(None)),
            ("core::option::Option<reqwest::async_impl::response::Response>", Some(None)),
            ("(http::response::Response<alloc::vec::Vec<u8>>, u8)", Some(None)),
            ("surf::response::Response", Some(None)),
            ("llm::http::Response", None),
            ("llm::Response", None),
            ("llm::Page<http::request::Request<()>>", None),
            ("http::response::Response<ureq::body::Body>", None),
            ("tonic::response::Response<()>", None),
            ("alloc::boxed::Box<dyn core::ops::function::Fn() -> http::response::Response<()>>", None),
        ] {
            assert_eq!(ForeignResponse::in_type(name).map(ForeignResponse::features), expected, "{name}");
        }
    }
}
