//! Classifies the statuses and responses of each version of the crate `http`, and reads
//! `Retry-After`.

use super::retry_after::requested;
use super::status::http_status;
use crate::machine::outcome::Outcome;

/// What a response counts as: its status, with the `Retry-After` of a failure.
fn response<'h>(status: u16, header: impl Fn(&'static str) -> Option<&'h str>) -> Outcome {
    match (http_status(&status), requested(header)) {
        (Outcome::Failure { .. }, Some(span)) => Outcome::failure_with_retry_after(span),
        (outcome, _) => outcome,
    }
}

/// The presets for one version, and a module of that name with their parts.
macro_rules! presets {
    ($(#[$doc:meta])* $http:ident) => {
        $(#[$doc])*
        pub mod $http {
            use crate::classify::Classify;
            use crate::machine::outcome::Outcome;
            use crate::classify::value::HttpStatus;
            use ::$http::{HeaderMap, Response, StatusCode};
            use std::time::Duration;

            impl Classify for StatusCode {
                fn classify(&self) -> Outcome {
                    crate::classify::presets::status::http_status(&self.as_u16())
                }
            }

            impl<B> Classify for Response<B> {
                fn classify(&self) -> Outcome {
                    with_headers(self.status(), self.headers())
                }
            }

            impl<B> HttpStatus for Response<B> {
                fn http_status(&self) -> u16 {
                    self.status().as_u16()
                }
            }

            /// The status, with the `Retry-After` of a failure.
            pub(in crate::classify::presets) fn with_headers(status: StatusCode, headers: &HeaderMap) -> Outcome {
                crate::classify::presets::http::response(status.as_u16(), |name| headers.get(name)?.to_str().ok())
            }

            /// After what time the service requests to be called again: the `Retry-After` of
            /// `headers`, as described [above](crate::presets#http-status-codes).
            #[must_use]
            pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
                crate::classify::presets::retry_after::requested(|name| headers.get(name)?.to_str().ok())
            }

            #[cfg(test)]
            mod tests {
                use super::*;

                fn answer(status: u16, headers: &[(&str, &str)]) -> Response<()> {
                    let builder = Response::builder().status(status);
                    headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(()).unwrap()
                }

                #[test]
                fn each_case_of_the_table_holds() {
                    for (status, headers, expected) in crate::classify::presets::http::tests::CASES {
                        assert_eq!(answer(*status, headers).classify(), *expected, "{status} {headers:?}");
                        assert_eq!(
                            StatusCode::from_u16(*status).unwrap().classify().is_failure(),
                            expected.is_failure(),
                            "{status}"
                        );
                    }
                }

                #[test]
                fn retry_after_is_seconds_or_a_date() {
                    for (text, expected) in crate::classify::presets::http::tests::TIMES {
                        let answer = answer(200, &[("Retry-After", text), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT")]);
                        assert_eq!(retry_after(answer.headers()), expected.map(Duration::from_secs), "{text}");
                    }
                    assert_eq!(retry_after(&HeaderMap::new()), None);
                }

                #[test]
                fn without_a_date_the_present_counts() {
                    let far = answer(200, &[("retry-after", "Tue, 31 Dec 2999 23:59:59 GMT")]);
                    assert!(retry_after(far.headers()).is_some_and(|span| span > Duration::from_secs(86_400 * 365)));
                }
            }
        }
    };
}

#[cfg(feature = "http-1")]
presets! {
    /// For version 1 of the crate `http`.
    http_1
}
#[cfg(feature = "http-0-2")]
presets! {
    /// For version 0.2 of the crate `http`.
    http_0_2
}

#[cfg(test)]
mod tests {
    use crate::machine::outcome::Outcome;
    use std::time::Duration;

    type Case = (u16, &'static [(&'static str, &'static str)], Outcome);

    /// What a response counts as, whatever the version.
    pub(super) const CASES: &[Case] = &[
        (200, &[], Outcome::success()),
        (302, &[("location", "/")], Outcome::success()),
        (404, &[("retry-after", "7")], Outcome::success()),
        (408, &[], Outcome::failure()),
        (429, &[("retry-after", "7")], Outcome::failure_with_retry_after(Duration::from_secs(7))),
        (500, &[], Outcome::failure()),
        (500, &[("retry-after", "soon")], Outcome::failure()),
        (503, &[("Retry-After", "7")], Outcome::failure_with_retry_after(Duration::from_secs(7))),
        (503, &[("retry-after", "é")], Outcome::failure()),
    ];

    /// How `Retry-After` is read at 08:49:37, in seconds.
    pub(super) const TIMES: &[(&str, Option<u64>)] = &[
        ("120", Some(120)),
        ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("99999999999999999999", None),
    ];
}
