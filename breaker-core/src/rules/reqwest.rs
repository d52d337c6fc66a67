//! The rules for the errors and responses of each version of reqwest; what reqwest itself gives is tested in `tests/tests/http_rules.rs`.

/// The rules for one version.
macro_rules! rules {
    ($reqwest:ident) => {
        mod $reqwest {
            use crate::classify::Classify;
            use crate::error::CircuitBreakerError;
            use crate::outcome::Outcome;
            use crate::rules::http::http_1::with_headers;
            use crate::value::HttpStatus;
            use ::$reqwest::{Error, Response};

            impl Classify for Error {
                fn classify(&self) -> Outcome {
                    if let Some(error) = CircuitBreakerError::find(self) {
                        return error.classify();
                    }
                    match self.status() {
                        Some(status) => status.classify(),
                        None if self.is_builder() => Outcome::neutral(),
                        None if self.is_redirect() => Outcome::success(),
                        None => Outcome::failure(),
                    }
                }
            }

            impl HttpStatus for Response {
                fn http_status(&self) -> u16 {
                    self.status().as_u16()
                }
            }

            impl Classify for Response {
                fn classify(&self) -> Outcome {
                    with_headers(self.status(), self.headers())
                }
            }
        }
    };
}

#[cfg(feature = "reqwest-0-12")]
rules!(reqwest_0_12);
#[cfg(feature = "reqwest-0-13")]
rules!(reqwest_0_13);
