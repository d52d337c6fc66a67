//! Tests a dashboard of many breakers: its summary, filter, order, and smoothness.

use breaker_browser::{Chrome, Gallery, Tab, Trouble, View};
use breaker_core::Config;
use std::time::Duration;

/// The names in the order on the page.
async fn names(tab: &Tab) -> Result<Vec<String>, Trouble> {
    let names = tab.eval("[...document.querySelectorAll('.row .name')].map((one) => one.textContent)").await?;
    Ok(serde_json::from_value(names)?)
}

async fn gallery() -> Result<Gallery, Trouble> {
    let gallery = Gallery::start().await?;
    let config = Config::new().fail_max(3).recovery_timeout(Duration::from_secs(600));
    let alpha = gallery.breaker("alpha", config)?;
    let beta = gallery.breaker("beta", config)?;
    let gamma = gallery.breaker("gamma", config)?;
    let delta = gallery.breaker("delta", config.critical(true))?;
    gallery.succeed(&alpha, 9).await;
    gallery.fail(&alpha, 2).await;
    gallery.fail(&gamma, 5).await; // 3 failures, 2 rejections
    gallery.fail(&delta, 4).await; // 3 and 1
    beta.disable();
    Ok(gallery)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_comes_first_and_other_orders_and_filters_survive_a_reload() -> Result<(), Trouble> {
    let gallery = gallery().await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View::DESK).await?;
    tab.until_text("h1", "2 of 4 dependencies are down").await?;
    tab.until_text("#verdict-detail", "delta is critical").await?;
    tab.until_text("#verdict-detail", "1 is not guarded").await?;
    // Critical ones before others, switched off ones after them, failing ones before healthy ones.
    assert_eq!(names(&tab).await?, ["delta", "gamma", "beta", "alpha"]);

    for (order, expected) in [
        ("name", ["alpha", "beta", "delta", "gamma"]),
        ("failures", ["delta", "gamma", "alpha", "beta"]),
        ("rejected", ["gamma", "delta", "alpha", "beta"]),
    ] {
        let choose = format!(
            "(() => {{ const sort = document.querySelector('#sort'); sort.value = '{order}'; sort.dispatchEvent(new Event('change')); }})()"
        );
        tab.eval(&choose).await?;
        assert_eq!(names(&tab).await?, expected, "by {order}");
    }

    tab.fill("#filter", "ta d").await?;
    assert_eq!(names(&tab).await?, ["delta", "beta"], "each word is somewhere in the name or the state");
    tab.until_text("#shown", "2 of 4 shown").await?;
    tab.click("#states [data-state=open]").await?;
    assert_eq!(names(&tab).await?, ["delta"]);

    tab.reload().await?;
    tab.until("document.querySelector('#filter').value === 'ta d'").await?;
    tab.until("document.querySelectorAll('.row').length === 1").await?;
    assert_eq!(tab.eval("document.querySelector('#sort').value").await?, "rejected");
    assert_eq!(tab.eval("document.querySelector('#states [data-state=open]').ariaPressed").await?, "true");
    tab.fill("#filter", "nothing like it").await?;
    tab.until_text("#nothing", "No dependency matches the filter.").await?;
    tab.assert_clean(&gallery.origin);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_now_and_then_comes_before_what_works_and_does_not_jump_with_each_call() -> Result<(), Trouble> {
    let gallery = Gallery::start().await?;
    let works = gallery.breaker("a-works", Config::new().fail_max(3))?;
    let fails = gallery.breaker("b-fails", Config::new().fail_max(3))?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View::DESK).await?;
    tab.until_text("h1", "All 2 dependencies are working").await?;
    assert_eq!(names(&tab).await?, ["a-works", "b-fails"]);
    gallery.succeed(&works, 5).await;
    gallery.succeed(&fails, 1).await;
    // Failures in the second of the last state change may be older than the state.
    tab.until("parseInt(document.querySelectorAll('.since')[1].textContent.slice(4)) >= 2").await?;
    gallery.fail(&fails, 2).await;
    tab.until_text(".row", "2 of 3, then it opens").await?;
    assert_eq!(names(&tab).await?, ["b-fails", "a-works"]);
    gallery.succeed(&fails, 1).await;
    tab.until_text(".row", "0 of 3, then it opens").await?;
    assert_eq!(names(&tab).await?, ["b-fails", "a-works"]);
    tab.assert_clean(&gallery.origin);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_that_are_all_in_use_leave_the_page_smooth() -> Result<(), Trouble> {
    let gallery = Gallery::start().await?;
    let config = Config::new().fail_max(3).recovery_timeout(Duration::from_secs(600));
    let breakers =
        (0..200).map(|at| gallery.breaker(&format!("service-{at:03}"), config)).collect::<Result<Vec<_>, _>>()?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View::DESK).await?;
    tab.until_text("h1", "All 200 dependencies are working").await?;
    // A task of more than 50 ms in the page is a long task, which a user notices.
    tab.eval("window.long = []; new PerformanceObserver((list) => long.push(...list.getEntries().map((one) => one.duration))).observe({ type: 'longtask' })")
        .await?;
    tab.eval("window.changed = 0; new MutationObserver((changes) => { changed += changes.length }).observe(document.querySelector('#breakers'), { subtree: true, childList: true, characterData: true, attributes: true })")
        .await?;
    tab.eval(
        "window.hidden = () => [...document.querySelectorAll('.row')].at(-1).querySelector('.shares-text').textContent",
    )
    .await?;
    for _ in 0..40 {
        for breaker in &breakers {
            gallery.succeed(breaker, 1).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    gallery.fail(&breakers[150], 3).await;
    tab.until_text("h1", "1 of 200 dependencies is down").await?;
    assert_eq!(names(&tab).await?[0], "service-150");
    assert_eq!(tab.eval("hidden()").await?, "no calls yet", "rows that nobody sees are not drawn");
    assert!(tab.eval("changed").await?.as_u64() > Some(0));
    let long: Vec<f64> = serde_json::from_value(tab.eval("long").await?)?;
    assert!(long.iter().all(|time| *time < 250.0), "{long:?}");
    // Nothing is lost: a visible page is up to date.
    tab.eval("document.querySelectorAll('.row')[199].scrollIntoView()").await?;
    tab.until("hidden().startsWith('40 calls')").await?;
    tab.assert_clean(&gallery.origin);
    Ok(())
}
