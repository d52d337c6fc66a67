//! Tests the dashboard's themes, its layout on a narrow phone, and how its details open and close.

use breaker_browser::{Chrome, Gallery, Trouble, View};
use breaker_core::Config;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_theme_is_the_systems_or_the_chosen_one_and_is_remembered() -> Result<(), Trouble> {
    let gallery = Gallery::start().await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View { dark: true, ..View::DESK }).await?;
    tab.until_text("h1", "No dependency is guarded yet").await?;
    let ground = "getComputedStyle(document.body).backgroundColor";
    let dark = tab.eval(ground).await?;
    tab.click("#theme").await?;
    tab.until_text("#theme", "Theme: light").await?;
    let light = tab.eval(ground).await?;
    assert_ne!(dark, light);
    tab.reload().await?;
    tab.until_text("#theme", "Theme: light").await?;
    assert_eq!(tab.eval(ground).await?, light);
    tab.click("#theme").await?;
    tab.until_text("#theme", "Theme: dark").await?;
    assert_eq!(tab.eval(ground).await?, dark);
    tab.assert_clean(&gallery.origin);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_never_scrolls_sideways() -> Result<(), Trouble> {
    let gallery = Gallery::start().await?;
    for at in 0..20 {
        let name = if at == 3 {
            "a_name_without_any_place_to_break_it_that_goes_on_and_on_for_ever".to_owned()
        } else {
            format!("service-{at}")
        };
        let breaker = gallery.breaker(&name, Config::new().fail_max(2).critical(at % 2 == 0))?;
        gallery.succeed(&breaker, at).await;
        if at % 3 == 0 {
            gallery.fail(&breaker, 3).await;
        }
    }
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View::PHONE).await?;
    tab.until_text("h1", "7 of 20 dependencies are down").await?;
    let wide = "[...document.querySelectorAll('body *')].filter((one) => one.checkVisibility() && !one.closest('.unseen') && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 200))";
    assert_eq!(tab.eval(wide).await?, serde_json::json!([]));
    assert_eq!(tab.eval("[innerWidth, document.documentElement.scrollWidth]").await?, serde_json::json!([320, 320]));
    tab.click(".row .name").await?;
    tab.until("document.querySelectorAll('.settings tbody tr').length > 10").await?;
    assert_eq!(tab.eval("document.querySelector('#detail').scrollWidth <= innerWidth").await?, true);
    tab.assert_clean(&gallery.origin);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn details_opened_in_the_moment_of_closing_are_shown_whole() -> Result<(), Trouble> {
    let gallery = Gallery::start().await?;
    for name in ["orders", "payments"] {
        gallery.breaker(name, Config::new())?;
    }
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View::DESK).await?;
    tab.until("document.querySelectorAll('.row').length === 2").await?;
    let whole = "document.querySelector('#detail').open && document.querySelectorAll('.settings tbody tr').length > 10";
    // The dialog's `close` event comes in a task of its own, after the second click.
    for (first, then, name) in [(0, 1, "payments"), (1, 1, "payments"), (1, 0, "orders")] {
        tab.eval(&format!(
            "{{ const names = document.querySelectorAll('.row .name');
               names[{first}].click();
               document.querySelector('#detail-close').click();
               names[{then}].click(); }}"
        ))
        .await?;
        tab.until(whole).await?;
        tab.until_text("#detail-name", name).await?;
        assert_eq!(tab.eval("new URLSearchParams(location.hash.slice(1)).get('breaker')").await?, name);
        tab.click("#detail-close").await?;
        tab.until("!document.querySelector('#detail').open && location.hash === ''").await?;
    }
    tab.assert_clean(&gallery.origin);
    Ok(())
}
