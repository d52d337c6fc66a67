//! Tests that hostile names and errors stay text on the page.

use breaker_browser::{Chrome, Gallery, Trouble, View};
use breaker_core::{CircuitBreakerError, Config, Registry, circuit_breaker};
use std::fmt;

const MARKUP: &str =
    "<img src=x onerror=\"window.harmed=1\"><script>window.harmed=1</script>'\"&amp;\u{202e}\n</textarea>";

#[derive(Debug)]
enum Failed {
    Told(String),
    Open,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(text) => f.write_str(text),
            Self::Open => f.write_str("open"),
        }
    }
}

impl From<CircuitBreakerError> for Failed {
    fn from(_: CircuitBreakerError) -> Self {
        Self::Open
    }
}

#[circuit_breaker(name = "hostile <b>words</b>", fail_max = 1)]
async fn fails(text: &str) -> Result<(), Failed> {
    Err(Failed::Told(text.to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn markup_quotes_newlines_and_ten_kilobytes_stay_text() -> Result<(), Trouble> {
    assert!(fails(&format!("{MARKUP}{}", "long ".repeat(2_000))).await.is_err());
    let gallery = Gallery::of(Registry::global(), None).await?;
    let named = gallery.breaker(MARKUP, Config::new().fail_max(1))?;
    gallery.fail(&named, 2).await;
    let long = gallery.breaker(&"wide<i>".repeat(1_500), Config::new().fail_max(1))?;
    gallery.fail(&long, 1).await;

    let chrome = Chrome::start().await?;
    let tab = chrome.open(&gallery.dashboard(), View::PHONE).await?;
    tab.until_text("h1", "3 of 3 dependencies are down").await?;
    let shown = "[...document.querySelectorAll('.row .name')].map((one) => one.textContent)";
    let names: Vec<String> = serde_json::from_value(tab.eval(shown).await?)?;
    assert!(names.iter().any(|name| name == MARKUP), "{names:?}");
    assert!(names.iter().any(|name| name == "hostile <b>words</b>"), "{names:?}");
    let story = "[...document.querySelectorAll('.story')].some((one) => one.innerText.includes('<script>window.harmed=1</script>'))";
    tab.until(story).await?;

    // It is the same in details, actions, announcements, the filter and the address.
    for index in 0..3 {
        tab.eval(&format!("document.querySelectorAll('.row .name')[{index}].click()")).await?;
        tab.until(
            "document.querySelector('#detail').open && document.querySelectorAll('.settings tbody tr').length > 10",
        )
        .await?;
        assert_eq!(
            tab.eval("[innerWidth, document.documentElement.scrollWidth]").await?,
            serde_json::json!([320, 320])
        );
        assert_eq!(
            tab.eval("document.querySelector('#detail').scrollWidth <= innerWidth").await?,
            true,
            "sideways scrolling"
        );
        tab.eval("document.querySelector('#detail-close').click()").await?;
        tab.until("!document.querySelector('#detail').open").await?;
    }
    tab.fill("#filter", "<script>").await?;
    tab.until("document.querySelectorAll('.row').length === 1").await?;
    named.reset();
    tab.until_text("#voice", "was reset").await?;

    assert_eq!(tab.eval("document.querySelectorAll('main img, main script, main b.x, main i:not([class]), dialog img, dialog script').length").await?, 0);
    assert_eq!(tab.eval("window.harmed ?? null").await?, serde_json::Value::Null);
    tab.assert_clean(&gallery.origin);
    Ok(())
}
