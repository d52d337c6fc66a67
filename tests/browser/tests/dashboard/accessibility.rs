//! Tests the dashboard by keyboard, and by a screen reader's tree.

use breaker_browser::{Chrome, Gallery, Key, Trouble, View};
use breaker_core::Config;
use std::time::Duration;

async fn gallery() -> Result<Gallery, Trouble> {
    let gallery = Gallery::start().await?;
    let config = Config::new().fail_max(2).recovery_timeout(Duration::from_secs(600));
    for name in ["payments", "search", "stock"] {
        let breaker = gallery.breaker(name, config)?;
        gallery.succeed(&breaker, 3).await;
        if name == "search" {
            gallery.fail(&breaker, 3).await;
        }
    }
    Ok(gallery)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_done_with_the_keyboard_alone() -> Result<(), Trouble> {
    let gallery = gallery().await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View::DESK).await?;
    tab.until_text("h1", "1 of 3 dependencies is down").await?;

    // The first stop is a link that skips the head of the page.
    tab.press(Key::Tab, false).await?;
    assert_eq!(tab.eval("document.activeElement.className").await?, "skip");
    // The slash moves to the filter, where it is a character like any other.
    tab.press_character('/').await?;
    tab.until("document.activeElement.id === 'filter'").await?;
    for character in ['s', 'e', 'a'] {
        tab.press_character(character).await?;
    }
    tab.until("document.querySelectorAll('.row').length === 1").await?;
    tab.press(Key::Escape, false).await?;
    tab.until("document.querySelectorAll('.row').length === 3").await?;
    // Past the order to the first name, from name to name, into the details, and back to the same
    // place.
    tab.press(Key::Tab, false).await?;
    tab.until("document.activeElement.id === 'sort'").await?;
    tab.press(Key::Tab, false).await?;
    tab.until("document.activeElement.textContent === 'search'").await?;
    assert_ne!(
        tab.eval("getComputedStyle(document.activeElement, '::after').outlineStyle").await?,
        "none",
        "the focus is not seen"
    );
    tab.press(Key::ArrowDown, false).await?;
    tab.until("document.activeElement.textContent === 'payments'").await?;
    tab.press(Key::Enter, false).await?;
    tab.until(
        "document.querySelector('#detail').open && document.querySelector('#detail').contains(document.activeElement)",
    )
    .await?;
    for _ in 0..4 {
        tab.press(Key::Tab, false).await?;
        let outside = "document.activeElement !== document.body && !document.querySelector('#detail').contains(document.activeElement)";
        assert_eq!(tab.eval(outside).await?, false, "the focus left the dialog");
    }
    tab.press(Key::Escape, false).await?;
    tab.until("!document.querySelector('#detail').open && document.activeElement.textContent === 'payments'").await?;
    tab.until("location.hash === ''").await?;
    tab.assert_clean(&gallery.origin);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_reader_gets_landmarks_headings_names_and_charts_in_words() -> Result<(), Trouble> {
    let gallery = gallery().await?;
    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View::DESK).await?;
    tab.until_text("h1", "1 of 3 dependencies is down").await?;
    // A chart begins when a user opens it.
    let payments = gallery.registry.get("payments").ok_or("payments")?;
    gallery.succeed(&payments, 4).await;
    gallery.fail(&payments, 5).await;
    tab.until_text("h1", "2 of 3 dependencies are down").await?;
    tab.until("document.querySelector('.flow').ariaLabel?.includes('2 failed')").await?;
    let nodes = tab.accessible().await?;
    let text = |value: &Option<chromiumoxide::cdp::browser_protocol::accessibility::AxValue>| {
        value
            .as_ref()
            .and_then(|value| value.value.as_ref())
            .and_then(|value| value.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let all: Vec<(String, String)> = nodes.iter().map(|node| (text(&node.role), text(&node.name))).collect();
    let has = |role: &str, name: &str| all.iter().any(|(r, n)| r == role && n.contains(name));
    for (role, name) in [
        ("banner", ""),
        ("main", "Dependencies"),
        ("complementary", "What has changed"),
        ("search", "Dependencies"),
        ("heading", "2 of 3 dependencies are down"),
        ("heading", "search"),
        ("button", "search"),
        ("searchbox", "Filter by name or state"),
        ("combobox", "Sort by"),
        ("group", "Show only one state"),
        ("list", ""),
        ("log", "Changes of state"),
        ("image", "Last 2 min 00 s: 4 succeeded, 2 failed, 3 were rejected"),
        ("image", "Last hour: down 1 time"),
        ("image", "Last hour: never down"),
    ] {
        assert!(has(role, name), "no {role} named {name:?} in {all:#?}");
    }
    let nameless: Vec<_> = all
        .iter()
        .filter(|(role, name)| {
            ["button", "link", "textbox", "searchbox", "combobox", "image", "dialog"].contains(&role.as_str())
                && name.is_empty()
        })
        .collect();
    assert!(nameless.is_empty(), "{nameless:?}");
    assert_eq!(tab.eval("document.documentElement.lang").await?, "en");
    // A screen reader announces each change once, in words, but not the time.
    assert_eq!(tab.eval("document.querySelector('#voice').ariaLive").await?, "polite");
    assert_eq!(tab.eval("[...document.querySelectorAll('[aria-live], [role=status], [role=alert], [role=log]')].some((one) => one.querySelector('.since, .next, .flow'))").await?, false);
    gallery.registry.get("stock").ok_or("stock")?.force_open();
    tab.until_text("#voice", "stock is blocked manually.").await?;

    tab.click(".row .name").await?;
    tab.until("document.querySelectorAll('.settings tbody tr').length > 10").await?;
    let nodes = tab.accessible().await?;
    let all: Vec<(String, String)> = nodes.iter().map(|node| (text(&node.role), text(&node.name))).collect();
    for (role, name) in [
        ("dialog", "payments"),
        ("button", "Close"),
        ("table", "Settings in force"),
        ("table", "Calls by outcome"),
        ("columnheader", "Where from"),
        ("rowheader", "fail_max"),
    ] {
        assert!(all.iter().any(|(r, n)| r == role && n.contains(name)), "no {role} named {name:?} in {all:#?}");
    }
    tab.assert_clean(&gallery.origin);
    Ok(())
}
