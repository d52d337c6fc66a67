//! Calls of a service: bare, and behind our layer.

use crate::body::{body, body_or_wait};
use crate::cases::Case;
use crate::drive::{Answer, Calls, Kind, hold};
use crate::failure::Fault;
use crate::subjects::DAY;
use ::tower::{Layer as _, Service, ServiceExt as _, service_fn};
use breaker_core::{CircuitBreaker, CircuitBreakerError, Config, Registry};
use breaker_tower::{BoxError, CircuitBreakerLayer};
use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use std::error::Error;
use std::future::ready;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

impl Error for Fault {}

impl Answer for Result<u64, BoxError> {
    fn kind(&self) -> Kind {
        match self {
            Ok(_) => Kind::Ok,
            Err(error) if error.is::<CircuitBreakerError>() => Kind::Rejected,
            Err(_) => Kind::Err,
        }
    }
}

/// How the calls of a service are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// One service makes them all.
    One,
    /// A clone makes each, as clients with `&self` do.
    Clones,
    /// The request has a key.
    Keyed,
}

pub(super) fn bare(case: Case) -> Calls {
    Calls::new::<_, false>(case, requests(service_fn(body::<Fault, false>), false))
}

pub(super) fn layered(case: Case, way: Way) -> Calls {
    let breaker = breaker(case);
    let open = |breaker: &CircuitBreaker| (0..5).for_each(|_| breaker.try_acquire().expect("it is closed").failure());
    if case == Case::Full {
        open(&breaker);
        let layer = CircuitBreakerLayer::new(&breaker).build().expect("the settings are in their ranges");
        let call = requests(layer.layer(service_fn(body_or_wait::<Fault>)), false);
        hold(Box::leak(Box::new(call.clone()))(0));
        return Calls::new::<_, false>(case, call);
    }
    if case == Case::Open {
        open(&breaker);
    }
    let layer = CircuitBreakerLayer::new(&breaker);
    let service = service_fn(body::<Fault, false>);
    if way == Way::Keyed {
        let layer = layer.key(|_: &u64| Some("a host".to_owned())).build().expect("the settings are in their ranges");
        return Calls::new::<_, false>(case, requests(layer.layer(service), false));
    }
    let layer = layer.build().expect("the settings are in their ranges");
    Calls::new::<_, false>(case, requests(layer.layer(service), way == Way::Clones))
}

fn breaker(case: Case) -> CircuitBreaker {
    let config = match case {
        Case::Err => Config::new().fail_max(1_000_000_000),
        Case::Open => Config::new().recovery_timeout(DAY),
        Case::Full => Config::new().recovery_timeout(Duration::ZERO).probe_timeout(DAY),
        _ => Config::new(),
    };
    // As a layer does it with a name; each has its own.
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("{} {}", case.name(), MADE.fetch_add(1, Ordering::Relaxed));
    Registry::global().declare(&name, config).expect("the settings are in their ranges")
}

/// Calls of a service, each after the service is ready.
fn requests<S, E>(service: S, by_clones: bool) -> impl AsyncFnMut(u64) -> Result<u64, E> + Clone + Send + Sync + 'static
where
    S: Service<u64, Response = u64, Error = E> + Clone + Send + Sync + 'static,
    E: 'static,
{
    let mut service = service;
    async move |request| {
        if by_clones {
            let mut one = service.clone();
            return one.ready().await?.call(request).await;
        }
        service.ready().await?.call(request).await
    }
}

/// Answers with a body, which is read to its end.
pub(super) fn bare_body(case: Case) -> Calls {
    let mut service = service_fn(page);
    Calls::new::<_, false>(case, async move |request| read(service.ready().await?.call(request).await?))
}

/// The same with the body guarded.
pub(super) fn guarded_body(case: Case) -> Calls {
    let layer = CircuitBreakerLayer::http(breaker(case)).build().expect("the settings are in their ranges");
    let mut service = layer.layer(service_fn(page));
    Calls::new::<_, false>(case, async move |request| read(service.ready().await?.call(request).await?))
}

fn page(_: u64) -> std::future::Ready<Result<Response<Full<Bytes>>, BoxError>> {
    ready(Ok(Response::new(Full::new(Bytes::from_static(b"a page")))))
}

/// The length of a body that is there.
fn read(response: Response<impl Body<Data = Bytes, Error: Into<BoxError>>>) -> Result<u64, BoxError> {
    let mut body = pin!(response.into_body());
    let mut bytes = 0;
    while let Poll::Ready(Some(frame)) = pin!(body.frame()).poll(&mut Context::from_waker(Waker::noop())) {
        bytes += frame.map_err(Into::into)?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(bytes)
}
