//! Tests a lost connection of the dashboard: it says so, and reconnects.

use breaker_browser::{Assistant, Chrome, Trouble, View};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_told_and_found_again_when_the_server_is_back() -> Result<(), Trouble> {
    let assistant = Assistant::start(0, &[]).await?;
    let port = assistant.port();
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&assistant.dashboard, View::DESK).await?;
    tab.until_text("h1", "The one dependency is working").await?;
    tab.until_text(".live", "Live").await?;
    let load = assistant.ask(std::time::Duration::from_millis(50));
    tab.until_text(".shares-text", "all succeeded").await?;
    drop(load);
    tab.assert_clean(&assistant.origin);

    assistant.kill().await?;
    tab.until_text("#banner", "Connection lost since").await?;
    tab.until_text("#banner", "Trying again").await?;
    tab.until_text(".live", "Not connected").await?;
    // The shown state may be outdated, and looks like it.
    tab.until("getComputedStyle(document.querySelector('.columns')).filter.includes('grayscale')").await?;
    // The times stop while the state is unknown.
    let since = "document.querySelector('.row .since').textContent";
    let before = tab.eval(since).await?;
    tab.until("parseInt(document.querySelector('#banner-time').textContent) >= 4").await?;
    assert_eq!(tab.eval(since).await?, before);

    let again = Assistant::start(port, &[]).await?;
    tab.until("document.querySelector('#banner').hidden").await?;
    tab.until_text(".live", "Live").await?;
    tab.until(&format!("({since}) !== {before}")).await?;
    // Only the refused connections are complaints.
    let other: Vec<_> = tab.complaints().into_iter().filter(|text| !text.contains("net::ERR_")).collect();
    assert_eq!(other, Vec::<String>::new());
    tab.forgive();
    tab.assert_clean(&again.origin);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_clock_of_the_client_does_no_harm() -> Result<(), Trouble> {
    let assistant = Assistant::start(0, &[]).await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open("about:blank", View::DESK).await?;
    tab.before_each_document("const real = Date.now; Date.now = () => real() + 86400000 * 400;").await?;
    tab.go(&assistant.dashboard).await?;
    tab.until_text("h1", "The one dependency is working").await?;
    tab.until("Date.now() > new Date('2027-06-01')").await?;
    assistant.outage("errors").await?;
    let _load = assistant.ask(std::time::Duration::from_millis(50));
    tab.until_text(".row .next", "next attempt in").await?;
    // 30 s are the recovery timeout; a clock that is a year ahead would end it.
    tab.until("/in (1\\d|2\\d|30) s/u.test(document.querySelector('.row .next').textContent)").await?;
    tab.until("/for \\d s/u.test(document.querySelector('.row .since').textContent)").await?;
    Ok(())
}
