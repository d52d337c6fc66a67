//! Tests how the dashboard shows an outage of the real assistant.

use breaker_browser::{Assistant, Chrome, Trouble, View};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_seen_as_it_happens_without_a_reload() -> Result<(), Trouble> {
    let assistant = Assistant::start(0, &[("HUGGINGFACE_API_CIRCUIT_RECOVERY_TIMEOUT", "4s")]).await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&assistant.dashboard, View::DESK).await?;
    tab.until_text("h1", "The one dependency is working").await?;
    tab.eval("window.sameDocument = true").await?;
    let load = assistant.ask(Duration::from_millis(50));
    tab.until_text(".shares-text", "all succeeded").await?;

    assistant.outage("errors").await?;
    // The breaker of the one provider is listed beside the one for all providers while it is
    // unhealthy.
    tab.until_text("h1", "1 of 2 dependencies is down").await?;
    tab.until_text(
        "#verdict-detail",
        "The service is degraded, since huggingface_api[embedded/note-reader] is critical",
    )
    .await?;
    tab.until_text(".row .word", "Down").await?;
    tab.until_text(".row .technical", "open").await?;
    // The reason, and the answers that users get.
    tab.until_text(".story", "consecutive failures").await?;
    tab.until_text(".story", "the text-generation API answered 500: scripted outage").await?;
    tab.until_text(".story", "l1_cache").await?;
    tab.until_text(".shares-text", "rejected").await?;
    tab.until_text("#changes", "huggingface_api[embedded/note-reader] is down").await?;
    tab.until_text("#voice", "huggingface_api[embedded/note-reader] is down: 5 consecutive failures").await?;
    tab.until("document.title.startsWith('1 of 2 dependencies is down')").await?;

    // The countdown runs: it has at least two values, the second one smaller.
    let seconds =
        "Number(document.querySelector('.row .next').innerText.match(/next attempt in (\\d+) s/)?.[1] ?? NaN)";
    tab.until(&format!("({seconds}) >= 2")).await?;
    let first = tab.eval(seconds).await?.as_f64().unwrap_or(f64::MAX);
    tab.until(&format!("({seconds}) < {first}")).await?;
    // So does the time since the outage began, whatever the attempts do.
    tab.until_text(".row .since", "1 attempt failed").await?;
    tab.until("Number(document.querySelector('.row .since').innerText.match(/for (\\d+) s/)[1]) >= 4").await?;

    assistant.recovery().await?;
    tab.until_text("h1", "The one dependency is working").await?;
    tab.until_text(".row .word", "Working").await?;
    // The one for all providers remains, which shows the failures as long as its chart covers them.
    tab.until("document.querySelectorAll('.row .name').length === 1").await?;
    tab.until_text("#changes", "huggingface_api[embedded/note-reader] is working again").await?;
    assert_eq!(tab.eval("window.sameDocument").await?, true, "the page was loaded again");
    drop(load);
    tab.assert_clean(&assistant.origin);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_details_say_everything_and_are_live() -> Result<(), Trouble> {
    let assistant = Assistant::start(0, &[("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", "3")]).await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&assistant.dashboard, View::DESK).await?;
    let _load = assistant.ask(Duration::from_millis(50));
    assistant.outage("errors").await?;
    // The provider's own breaker comes first while it is down.
    tab.until_text(".row .word", "Down").await?;
    tab.click(".row .name").await?;
    tab.until("document.querySelector('#detail').open").await?;
    tab.until_text("#detail [data-part=word]", "Down").await?;
    tab.until_text("#detail [data-part=facts]", "3 consecutive failures").await?;
    tab.until_text("#detail [data-part=fallbacks]", "while calls were rejected").await?;
    tab.until_text("#detail [data-part=next]", "next attempt in").await?;
    tab.until_text("#detail .happened", "is down").await?;
    // The source of each setting, and the functions that share the breaker.
    let source = |key: &str, source: &str| {
        format!(
            "[...document.querySelectorAll('.settings tr')].some((row) => row.innerText.startsWith('{key}') && row.innerText.includes('{source}'))"
        )
    };
    tab.until(&source("fail_max", "environment HUGGINGFACE_API_CIRCUIT_FAIL_MAX")).await?;
    tab.until(&source("timeout", "in the code")).await?;
    tab.until(&source("ramp", "default")).await?;
    tab.until_text("#detail .sites", "Generator::ask").await?;
    // There is no token, so there are no actions and no login.
    assert_eq!(tab.eval("document.querySelector('[data-part=actions]').checkVisibility()").await?, false);
    assert_eq!(tab.eval("document.querySelector('#login-open').checkVisibility()").await?, false);
    tab.assert_clean(&assistant.origin);
    Ok(())
}
