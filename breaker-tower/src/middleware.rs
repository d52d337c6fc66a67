//! A breaker as a middleware of reqwest-middleware.

use crate::BoxError;
use crate::builder::CircuitBreakerLayerBuilder;
use crate::error::BuildError;
use crate::http_mode::Http;
use crate::key::NoKey;
use crate::layer::CircuitBreakerLayer;
use crate::source::BreakerSource;
use breaker_core::{CircuitBreaker, CircuitBreakerError};
use std::error::Error;
use std::fmt;

/// Puts a circuit breaker before the requests of a `reqwest_middleware::ClientWithMiddleware`.
///
/// It counts as [`CircuitBreakerLayer::http`] does: the status of a response, or its body. The
/// response keeps its URL and its remote address.
///
/// ```
/// # #[cfg(feature = "reqwest-middleware")]
/// # fn main() -> Result<(), breaker_tower::BuildError> {
/// # use reqwest_middleware_0_5 as reqwest_middleware;
/// # use reqwest_0_13 as reqwest;
/// use breaker_tower::{CircuitBreakerLayer, CircuitBreakerMiddleware};
/// use reqwest_middleware::ClientBuilder;
///
/// let simple = CircuitBreakerMiddleware::new("payments")?;
/// let with_settings = CircuitBreakerMiddleware::from(
///     CircuitBreakerLayer::http("orders")
///         .key(|request: &reqwest::Request| request.url().host_str().map(String::from))
///         .timeout("2s")
///         .body_timeout("10s")
///         .build()?,
/// );
/// # let _ = (simple, || ClientBuilder::new(reqwest::Client::new()).with(with_settings));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "reqwest-middleware"))]
/// # fn main() {}
/// ```
///
/// # Errors
/// A rejection and a timeout of the breaker are a `reqwest_middleware::Error::Middleware`.
/// [`CircuitBreakerError::find`] finds the breaker's error in it, also behind `RetryError`.
///
/// The rule of [`classify`](CircuitBreakerLayerBuilder::classify) gets the `reqwest::Error` itself
/// in its box, and not the error of reqwest-middleware that hides it. Of the error of another
/// middleware it gets one whose `source()` is that error.
///
/// # Retries
/// Add `RetryTransientMiddleware` first, so that each of its attempts goes through the breaker. By
/// its default it repeats no error of a middleware. So it gives a rejection to the caller at once,
/// and so it does with a timeout of the breaker. Set the timeout of the request in reqwest if it is
/// to be repeated. A `RetryableStrategy` of your own sees rejections too: leave them alone.
///
/// Added after the breaker, all attempts are one call of the breaker, which its last one decides.
pub struct CircuitBreakerMiddleware<K = NoKey> {
    layer: CircuitBreakerLayer<Http, BoxError, K>,
}

impl CircuitBreakerMiddleware {
    /// With the settings that variables and files give, or the defaults.
    ///
    /// `breaker` is its name in [`Registry::global`], where it is made if there is none, or the
    /// breaker itself.
    ///
    /// # Errors
    /// When the breaker has no name, or a setting for it is wrong.
    ///
    /// [`Registry::global`]: breaker_core::Registry::global
    #[track_caller]
    pub fn new(breaker: impl Into<BreakerSource>) -> Result<Self, BuildError> {
        CircuitBreakerLayer::http(breaker).build().map(Self::from)
    }
}

impl<K> CircuitBreakerMiddleware<K> {
    /// The breaker of its calls; with a key, the parent of their breakers.
    pub fn breaker(&self) -> &CircuitBreaker {
        self.layer.breaker()
    }
}

/// With the settings of the layer.
impl<K> From<CircuitBreakerLayer<Http, BoxError, K>> for CircuitBreakerMiddleware<K> {
    fn from(layer: CircuitBreakerLayer<Http, BoxError, K>) -> Self {
        Self { layer }
    }
}

impl<K> TryFrom<CircuitBreakerLayerBuilder<Http, BoxError, K>> for CircuitBreakerMiddleware<K> {
    type Error = BuildError;

    #[track_caller]
    fn try_from(builder: CircuitBreakerLayerBuilder<Http, BoxError, K>) -> Result<Self, BuildError> {
        builder.build().map(Self::from)
    }
}

impl<K> Clone for CircuitBreakerMiddleware<K> {
    fn clone(&self) -> Self {
        Self { layer: self.layer.clone() }
    }
}

impl<K> fmt::Debug for CircuitBreakerMiddleware<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerMiddleware").field("breaker", &self.breaker().name()).finish_non_exhaustive()
    }
}

/// The breaker's error behind a text. The errors of reqwest-middleware and reqwest-retry are
/// transparent: of the error in them only the `source()` can be found.
#[derive(Debug)]
struct NotAnswered(CircuitBreakerError);

impl fmt::Display for NotAnswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_timeout() {
            "the request was not answered in time"
        } else {
            "the request was not sent"
        })
    }
}

impl Error for NotAnswered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// The middleware of one version.
macro_rules! middleware_of {
    ($middleware:ident, $reqwest:ident, $feature:literal) => {
        #[cfg(feature = $feature)]
        mod $middleware {
            use super::{CircuitBreakerMiddleware, NotAnswered};
            use crate::BoxError;
            use crate::http_mode::Http;
            use crate::key::KeyOf;
            use crate::mode::Mode;
            use crate::shared::Shared;
            use ::$middleware::{Error, Middleware, Next, Result};
            use ::$reqwest::{Request, Response};
            use breaker_core::CircuitBreakerError;
            use http::Extensions;
            use std::error;
            use std::fmt;

            #[async_trait::async_trait]
            impl<K: KeyOf<Request> + Send + Sync + 'static> Middleware for CircuitBreakerMiddleware<K> {
                async fn handle(
                    &self,
                    request: Request,
                    extensions: &mut Extensions,
                    next: Next<'_>,
                ) -> Result<Response> {
                    let shared = self.layer.shared();
                    let mut permit = match shared.admit(&request) {
                        Ok(permit) => permit,
                        Err(rejection) => {
                            return Mode::<Response>::fallback(&shared.mode, &rejection)
                                .ok_or_else(|| not_answered(rejection));
                        }
                    };
                    let running = permit.during_sync(|| next.run(request, extensions));
                    match permit.during(running).await {
                        Ok((Ok(response), permit)) => Ok(Http::settle(permit, response)),
                        Ok((Err(error), permit)) => Err(unboxed(Shared::settle_error(permit, boxed(error)))),
                        Err(timed_out) => Err(not_answered(timed_out)),
                    }
                }
            }

            fn not_answered(error: CircuitBreakerError) -> Error {
                Error::middleware(NotAnswered(error))
            }

            /// The error of another middleware, with what is behind it.
            #[derive(Debug)]
            struct OfMiddleware(Error);

            impl fmt::Display for OfMiddleware {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }

            impl error::Error for OfMiddleware {
                fn source(&self) -> Option<&(dyn error::Error + 'static)> {
                    Some(behind(&self.0))
                }
            }

            /// What a transparent error hides.
            fn behind(error: &Error) -> &(dyn error::Error + 'static) {
                match error {
                    Error::Reqwest(error) => error,
                    Error::Middleware(error) => {
                        let first: &(dyn error::Error + 'static) = &**error;
                        std::iter::successors(Some(first), |error| error.source())
                            .find_map(|error| error.downcast_ref::<Error>())
                            .map_or(first, behind)
                    }
                }
            }

            fn boxed(error: Error) -> BoxError {
                match error {
                    Error::Reqwest(error) => error.into(),
                    error @ Error::Middleware(_) => OfMiddleware(error).into(),
                }
            }

            /// The error that was boxed.
            fn unboxed(error: BoxError) -> Error {
                match error.downcast::<::$reqwest::Error>() {
                    Ok(error) => Error::Reqwest(*error),
                    Err(error) => match error.downcast::<OfMiddleware>() {
                        Ok(error) => error.0,
                        Err(_) => unreachable!("an error was boxed as one of these two"),
                    },
                }
            }
        }
    };
}

middleware_of!(reqwest_middleware_0_5, reqwest_0_13, "reqwest-middleware-0-5");
middleware_of!(reqwest_middleware_0_4, reqwest_0_12, "reqwest-middleware-0-4");
