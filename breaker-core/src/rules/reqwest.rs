//! The rules for `reqwest::Error` and `reqwest::Response`; what reqwest itself gives is tested in `tests/tests/http_rules.rs`.

use super::http::with_headers;
use crate::classify::Classify;
use crate::error::CircuitBreakerError;
use crate::outcome::Outcome;
use crate::value::HttpStatus;
use reqwest::{Error, Response};

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
