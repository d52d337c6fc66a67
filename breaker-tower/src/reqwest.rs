//! The response of `reqwest::Client`, which is a service of tower itself.
//!
//! reqwest makes a `Response` of an `http::Response` and back. So the body is guarded in between.
//! What that would lose is put back: the URL is none of the parts of an `http::Response`.

use crate::http_mode::Http;
use crate::mode::Mode;
use crate::shared::Admitted;
use breaker_core::CircuitBreakerError;
use std::sync::Arc;

/// The response of one version.
macro_rules! response_of {
    ($reqwest:ident, $feature:literal) => {
        /// The URL, the remote address and the extensions stay. An error of the body is one of
        /// reqwest's, and its predicates (`is_timeout()`, `is_decode()`) answer as without a
        /// breaker.
        ///
        /// A `fallback` may say its URL by `ResponseBuilderExt::url`; otherwise reqwest makes one
        /// up.
        #[cfg(feature = $feature)]
        impl Mode<::$reqwest::Response> for Http {
            type Response = ::$reqwest::Response;

            fn settle<E, K>(permit: Admitted<Self, E, K>, response: ::$reqwest::Response) -> Self::Response {
                use ::$reqwest::{Body, ResponseBuilderExt as _};

                let shared = Arc::clone(permit.owner());
                let with_url = http::Response::builder().url(response.url().clone());
                let (mut parts, body) = http::Response::<Body>::from(response).into_parts();
                let body = shared.mode.guard(permit.into_permit(), &parts, body);
                if let Ok(with_url) = with_url.body(()) {
                    parts.extensions.extend(with_url.into_parts().0.extensions);
                }
                http::Response::from_parts(parts, Body::wrap(body)).into()
            }

            fn fallback(&self, rejection: &CircuitBreakerError) -> Option<Self::Response> {
                self.answer(rejection).map(Into::into)
            }
        }
    };
}

response_of!(reqwest_0_13, "reqwest-0-13");
response_of!(reqwest_0_12, "reqwest-0-12");
