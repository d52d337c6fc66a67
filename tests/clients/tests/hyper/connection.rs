//! Tests a connection of hyper itself, without a pool.

use super::*;

/// When it has ended, all later requests fail: the caller has to make a new one.
#[tokio::test]
async fn a_connection_that_ended_fails_for_ever() {
    let server = Http1::start(Reply::ok().closes()).await;
    let stream = TokioIo::new(TcpStream::connect(("127.0.0.1", server.port)).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Body>(stream).await.unwrap();
    let running = tokio::spawn(connection);
    let breaker = breaker("one connection", None);
    let mut ask = async || {
        let request = Request::get("/").header("host", "127.0.0.1").body(empty()).unwrap();
        let _ = breaker.call_classified(sender.send_request(request), presets::both).await;
    };
    ask().await;
    assert_eq!(counted(&breaker), (1, 0, 0));
    let _ = running.await;
    opens(&breaker, ask).await;
    assert_eq!(counted(&breaker), (1, 3, 0));
}

/// The caller ended the task that drives the connection.
#[tokio::test]
async fn a_connection_task_that_was_aborted_is_ignored() {
    let server = Http1::start(Reply::bytes("").hangs()).await;
    let stream = TokioIo::new(TcpStream::connect(("127.0.0.1", server.port)).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake::<_, Body>(stream).await.unwrap();
    let running = tokio::spawn(connection);
    let answer = sender.send_request(Request::get("/").body(empty()).unwrap());
    let abort = async {
        until("it has the request", async || server.requests() == 1).await;
        running.abort();
    };
    let (answer, ()) = tokio::join!(answer, abort);
    let error = answer.unwrap_err();
    assert_eq!((error.is_user(), error.classify()), (true, Outcome::ignored()), "{error:?}");
}
