//! Tests another site's page that sends the dashboard one wrong token after another.
//!
//! It is open in the operator's browser.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use breaker_browser::{Chrome, Gallery, Key, Tab, Trouble, View};
use breaker_core::Registry;
use tokio::net::TcpListener;

const TOKEN: &str = "a-token-that-nobody-can-guess";
/// Enough requests to use up the login limit, and each attempt that it frees.
const REQUESTS: usize = 40;

/// A page for any host name of this machine; returns its port.
async fn other_site() -> Result<u16, Trouble> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let app = Router::new().route("/", get(async || Html("<!doctype html><title>Elsewhere</title>")));
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(port)
}

/// The requests that any page may send to any host while it is open, without seeing the answers. It
/// sends them itself, and from a frame without an origin.
fn flood(dashboard: &str) -> String {
    format!(
        "window.sent = 0;
         addEventListener('message', () => window.sent++);
         const script = `(async () => {{
             for (let n = 0; ; n++) {{
                 if (n === {REQUESTS}) parent.postMessage('sent', '*');
                 const send = (path, body) =>
                     fetch('{dashboard}/' + path, {{ method: 'POST', mode: 'no-cors', credentials: 'include', body }});
                 await send('login', new URLSearchParams({{ token: 'a-wrong-token' }}));
                 await send('action', '{{}}');
             }}
         }})()`;
         const frame = document.createElement('iframe');
         frame.sandbox = 'allow-scripts';
         frame.srcdoc = '<script>' + script + '</' + 'script>';
         document.body.append(frame);
         eval(script);
         null"
    )
}

async fn log_in(tab: &Tab) -> Result<(), Trouble> {
    tab.click("#login-open").await?;
    tab.until("document.activeElement.id === 'login-token'").await?;
    tab.fill("#login-token", TOKEN).await?;
    tab.press(Key::Enter, false).await?;
    tab.until_text("#login-text", "Log out").await
}

/// With a host for which the browser says which site a request comes from, and one (plain http) for
/// which it sends an origin only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_keeps_no_operator_from_logging_in() -> Result<(), Trouble> {
    let chrome = Chrome::start().await?;
    let elsewhere = other_site().await?;
    for (here, there) in [("127.0.0.1", "localhost"), ("ops.test", "evil.test")] {
        let registry: &'static Registry = Box::leak(Box::new(Registry::new()));
        let gallery = Gallery::of(registry, Some(TOKEN)).await?;
        let origin = gallery.origin.replace("127.0.0.1", here);
        let dashboard = format!("{origin}/dashboard");
        let foreign = chrome.open(&format!("http://{there}:{elsewhere}/"), View::DESK).await?;
        foreign.eval(&flood(&dashboard)).await?;
        foreign.until("window.sent === 2").await?;
        let asked = foreign.requests().iter().filter(|url| **url == format!("{dashboard}/login")).count();
        assert!(asked >= REQUESTS, "{asked} of {REQUESTS} were sent");
        let own = chrome.open(&dashboard, View::DESK).await?;
        log_in(&own).await?;
        own.assert_clean(&origin);
    }
    Ok(())
}
