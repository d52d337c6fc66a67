//! Tests how the page shows busy breakers and failed fallbacks.
//!
//! It is a process of its own, since its function is in the global registry.

use breaker_browser::{Chrome, Gallery, Trouble, View};
use breaker_core::{Registry, circuit_breaker, fallback};
use std::io;

#[circuit_breaker(name = "crowded", max_concurrent = 1)]
#[fallback(spare = |_| open.then_some(2), last = |_| Err::<u8, _>(io::Error::other("no")), on(open, busy))]
async fn crowded(open: bool) -> io::Result<u8> {
    Ok(u8::from(open))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_are_shown_where_the_others_are() -> Result<(), Trouble> {
    let registry = Registry::global();
    crowded(true).await?;
    let breaker = registry.get("crowded").ok_or("the function has called it")?;
    let gallery = Gallery::of(registry, None).await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View::DESK).await?;
    tab.until_text(".row .word", "Working").await?;
    assert_eq!(tab.eval("document.querySelector('.story').hidden").await?, true);
    let held = breaker.try_acquire()?;
    for _ in 0..3 {
        assert!(crowded(false).await.is_err());
    }
    assert_eq!(crowded(true).await?, 2);
    tab.until_text(".row .story", "1 of 1 calls at once; 4 calls rejected as busy").await?;
    tab.until_text(".row .story", "spare 1").await?;
    tab.until_text(".row .story", "an error, since no fallback answered 3").await?;
    tab.until_text(".row .shares-text", "4 rejected as busy").await?;
    tab.until("document.querySelector('.row .flow').ariaLabel.includes('4 were rejected as busy')").await?;
    tab.until("document.querySelector('.row .flow .rejected').getAttribute('d').length > 0").await?;
    tab.click(".row .name").await?;
    tab.until_text("#detail [data-part=fallbacks]", "while the breaker was busy").await?;
    tab.until_text("#detail [data-part=fallbacks]", "failed: it gave an error").await?;
    tab.until_text("#detail [data-part=facts]", "1 of 1 calls at once").await?;
    drop(held);
    tab.until_text("#detail [data-part=facts]", "0 of 1 calls at once").await?;
    tab.assert_clean(&gallery.origin);
    Ok(())
}
