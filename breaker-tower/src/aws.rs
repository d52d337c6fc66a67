//! A breaker before the HTTP client of the AWS SDK, whose connector is a trait of its own.

use crate::BoxError;
use crate::error::BuildError;
use crate::http_mode::Http;
use crate::key::{KeyOf, NoKey};
use crate::layer::CircuitBreakerLayer;
use crate::mode::Mode;
use crate::shared::{Admitted, Shared};
use crate::source::BreakerSource;
use aws_smithy_runtime_api_1::box_error::BoxError as SdkBoxError;
use aws_smithy_runtime_api_1::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api_1::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api_1::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api_1::client::result::ConnectorError;
use aws_smithy_runtime_api_1::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types_1::body::SdkBody;
use aws_smithy_types_1::config_bag::ConfigBag;
use breaker_core::{CircuitBreaker, CircuitBreakerError};
use http::response::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use std::fmt;
use std::mem;
use std::sync::Arc;

/// Puts a circuit breaker before the HTTP client of the AWS SDK.
///
/// It counts as [`CircuitBreakerLayer::http`] does: the status of a response, or its body. Each
/// attempt of the SDK is a call of the breaker.
///
/// ```
/// # #[cfg(feature = "aws-sdk")]
/// # fn main() -> Result<(), breaker_tower::BuildError> {
/// # use aws_smithy_runtime_api_1::client::{http::SharedHttpClient, orchestrator::HttpRequest};
/// use breaker_tower::{CircuitBreakerHttpClient, CircuitBreakerLayer};
///
/// # fn both(http: SharedHttpClient) -> Result<(), breaker_tower::BuildError> {
/// let simple = CircuitBreakerHttpClient::new("s3", http.clone())?;
/// let layer = CircuitBreakerLayer::http("aws")
///     .key(|request: &HttpRequest| Some(request.uri().split('/').nth(2)?.to_owned()))
///     .body_timeout("3s")
///     .build()?;
/// let with_settings = CircuitBreakerHttpClient::with_layer(layer, http);
/// // aws_config::defaults(..).http_client(with_settings)
/// # Ok(())
/// # }
/// # let _ = both;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "aws-sdk"))]
/// # fn main() {}
/// ```
///
/// # Errors
/// A rejection is a `DispatchFailure` of no kind that the SDK repeats. So the caller gets it after
/// one attempt, and it takes none of the tokens that pay for retries. A timeout of the breaker is
/// one whose `is_timeout()` is true, and the SDK repeats it. `CircuitBreakerError::find` finds the
/// breaker's error in both.
///
/// # What the breaker does not see
/// - The SDK ends a body that hangs, by default after 5 seconds (stalled stream protection). It
///   drops the body then, which counts as a success. With a `body_timeout` below that time it is a
///   failure.
/// - It drops the call at its `operation_timeout` and `operation_attempt_timeout`, which counts as
///   `on_cancel` says. `timeout`, `read_timeout` and `connect_timeout` are failures.
/// - AWS sends codes of throttling with the status 400 too. The head counts as a success then.
///   [`presets::aws_sdk`](breaker_core::presets) of an annotated function knows them.
pub struct CircuitBreakerHttpClient<K = NoKey> {
    layer: CircuitBreakerLayer<Http, BoxError, K>,
    inner: SharedHttpClient,
}

impl CircuitBreakerHttpClient {
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
    pub fn new(breaker: impl Into<BreakerSource>, inner: impl HttpClient + 'static) -> Result<Self, BuildError> {
        Ok(Self::with_layer(CircuitBreakerLayer::http(breaker).build()?, inner))
    }
}

impl<K> CircuitBreakerHttpClient<K> {
    /// With the settings of the layer.
    pub fn with_layer(layer: CircuitBreakerLayer<Http, BoxError, K>, inner: impl HttpClient + 'static) -> Self {
        Self { layer, inner: SharedHttpClient::new(inner) }
    }

    /// The breaker of its calls; with a key, the parent of their breakers.
    pub fn breaker(&self) -> &CircuitBreaker {
        self.layer.breaker()
    }
}

impl<K: KeyOf<HttpRequest> + Send + Sync + 'static> HttpClient for CircuitBreakerHttpClient<K> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Guarded { layer: self.layer.clone(), inner })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), SdkBoxError> {
        self.inner.validate_base_client_config(components, config)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, config: &ConfigBag) -> Result<(), SdkBoxError> {
        self.inner.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

impl<K> Clone for CircuitBreakerHttpClient<K> {
    fn clone(&self) -> Self {
        Self { layer: self.layer.clone(), inner: self.inner.clone() }
    }
}

impl<K> fmt::Debug for CircuitBreakerHttpClient<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerHttpClient").field("breaker", &self.breaker().name()).finish_non_exhaustive()
    }
}

/// A connector behind the breaker.
struct Guarded<K> {
    layer: CircuitBreakerLayer<Http, BoxError, K>,
    inner: SharedHttpConnector,
}

impl<K> fmt::Debug for Guarded<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("layer", &self.layer).field("inner", &self.inner).finish()
    }
}

impl<K: KeyOf<HttpRequest> + Send + Sync + 'static> HttpConnector for Guarded<K> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut permit = match self.layer.shared().admit(&request) {
            Ok(permit) => permit,
            Err(rejection) => {
                let answer = Mode::<HttpResponse>::fallback(&self.layer.shared().mode, &rejection);
                return HttpConnectorFuture::ready(answer.ok_or_else(|| rejected(rejection)));
            }
        };
        let running = permit.during_sync(|| self.inner.call(request));
        let during = permit.during(running);
        HttpConnectorFuture::new(async move {
            match during.await {
                Ok((Ok(response), permit)) => Ok(Http::settle(permit, response)),
                Ok((Err(error), permit)) => Err(unboxed(Shared::settle_error(permit, error.into()))),
                Err(timed_out) => Err(ConnectorError::timeout(timed_out.into())),
            }
        })
    }
}

/// The SDK repeats time-outs, errors of I/O, and others that have a kind.
fn rejected(rejection: CircuitBreakerError) -> ConnectorError {
    ConnectorError::other(rejection.into(), None).never_connected()
}

fn unboxed(error: BoxError) -> ConnectorError {
    error.downcast().map_or_else(|error| ConnectorError::other(error, None), |error| *error)
}

/// The extensions stay. A `fallback` whose headers are no UTF-8 is none.
impl Mode<HttpResponse> for Http {
    type Response = HttpResponse;

    fn settle<E, K>(permit: Admitted<Self, E, K>, mut response: HttpResponse) -> HttpResponse {
        let shared = Arc::clone(permit.owner());
        let parts = parts_of(&response);
        let body = mem::replace(response.body_mut(), SdkBody::taken());
        *response.body_mut() = SdkBody::from_body_1_x(shared.mode.guard(permit.into_permit(), &parts, body));
        response
    }

    fn fallback(&self, rejection: &CircuitBreakerError) -> Option<HttpResponse> {
        self.answer(rejection)?.map(SdkBody::from).try_into().ok()
    }
}

/// The head. The SDK's own way to it fails where the response has extensions of `http` 0.2.
fn parts_of(response: &HttpResponse) -> Parts {
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = StatusCode::from_u16(response.status().as_u16()).unwrap_or_default();
    for (name, value) in response.headers() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            parts.headers.append(name, value);
        }
    }
    parts
}
