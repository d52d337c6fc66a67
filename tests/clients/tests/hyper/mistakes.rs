//! Tests the caller's own mistakes, 1,000 times each.
//!
//! The breaker stays closed, and no such call is a success.

use super::*;

#[tokio::test]
async fn a_request_that_cannot_be_made_is_ignored() {
    let (client, breaker) = (client(), breaker("mistakes", None));
    let absolute = |uri: &str| Request::builder().uri(uri.parse::<Uri>().unwrap());
    let make = |number: usize| match number % 4 {
        // The connector knows no TLS.
        0 => post("https://127.0.0.1/", empty()),
        1 => absolute("/path").body(empty()).unwrap(),
        2 => absolute("http://127.0.0.1/").version(Version::HTTP_09).body(empty()).unwrap(),
        _ => absolute("http://127.0.0.1/").method(Method::CONNECT).version(Version::HTTP_10).body(empty()).unwrap(),
    };
    let mut number = 0;
    stays_closed(&breaker, async || {
        number += 1;
        let _ = breaker.call_classified(client.request(make(number)), presets::hyper_util).await;
    })
    .await;
    assert_eq!(counted(&breaker), (0, 0, 1_000), "{:?}", breaker.snapshot());
}

#[tokio::test]
async fn a_body_of_ones_own_that_fails_is_ignored() {
    let first = Http1::start(Reply::ok()).await;
    let second = Http2::start(Act::Answer(200, &[], b"", &[])).await;
    for (name, url, client) in
        [("1", first.url(), client()), ("2", second.url(), builder().http2_only(true).build_http())]
    {
        let breaker = breaker(name, None);
        stays_closed(&breaker, async || {
            drop(breaker.call_classified(client.request(post(&url, broken())), presets::both).await);
        })
        .await;
        assert_eq!(counted(&breaker), (0, 0, 1_000), "{name}: {:?}", breaker.snapshot());
    }
}

#[tokio::test]
async fn a_local_address_that_is_not_ours_is_ignored() {
    let server = Http1::start(Reply::ok()).await;
    let mut connector = HttpConnector::new();
    connector.set_local_address(Some([192, 0, 2, 1].into()));
    let (client, breaker) = (builder().build(connector), breaker("local", None));
    stays_closed(&breaker, async || send(&breaker, &client, &server.url()).await).await;
    assert_eq!(counted(&breaker), (0, 0, 1_000), "{:?}", breaker.snapshot());
}

/// A connector behind a breaker.
#[derive(Clone)]
struct Guarded(CircuitBreaker);

impl tower::Service<Uri> for Guarded {
    type Response = Wire;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = std::future::Ready<Result<Wire, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        std::future::ready(Err(self.0.try_acquire().unwrap_err().into()))
    }
}

/// What a connector has to return.
struct Wire(TokioIo<TcpStream>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl hyper::rt::Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[tokio::test]
async fn a_rejection_inside_of_the_connector_is_ignored() {
    let inner = breaker("inner", None);
    inner.force_open();
    let client: Client<Guarded, Body> = builder().build(Guarded(inner));
    let outer = breaker("outer", None);
    stays_closed(&outer, async || {
        drop(outer.call_classified(client.request(post("http://somewhere/", empty())), presets::both).await);
    })
    .await;
    assert_eq!(counted(&outer), (0, 0, 1_000), "{:?}", outer.snapshot());
}

#[tokio::test]
async fn what_the_service_forbids_is_an_answer() {
    for status in [401, 403, 404, 405] {
        let server = Http1::start(Reply::answer(status, "", "")).await;
        let (client, breaker) = (client(), breaker("forbids", None));
        stays_closed(&breaker, async || send(&breaker, &client, &server.url()).await).await;
        assert_eq!(counted(&breaker), (1_000, 0, 0), "{status}");
    }
}
