//! Classifies an HTTP status.

use crate::machine::outcome::Outcome;

/// What an HTTP status counts as, by the table [above](crate::presets#http-status-codes). It takes
/// a reference, so that `#[classify(with = presets::http_status)]` can use it.
#[must_use]
pub const fn http_status(status: &u16) -> Outcome {
    match *status {
        408 | 429 | 500..=599 => Outcome::failure(),
        407 => Outcome::ignored(),
        _ => Outcome::success(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_blames_the_service_is_a_failure() {
        for status in [408, 429, 500, 502, 503, 504, 599] {
            assert_eq!(http_status(&status), Outcome::failure(), "{status}");
        }
        for status in [200, 204, 301, 304, 400, 401, 403, 404, 409, 422, 428, 430, 499, 600] {
            assert_eq!(http_status(&status), Outcome::success(), "{status}");
        }
        assert_eq!(http_status(&407), Outcome::ignored());
    }
}
