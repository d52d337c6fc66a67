//! Makes the screenshots, from a small shop whose text generation fails.
//!
//! `scripts/screenshots` runs it.
//!
//! It takes about two minutes, since the charts show two minutes.

use breaker_browser::{Chrome, Gallery, Key, Tab, Trouble, View};
use breaker_core::{CircuitBreakerError, Config, Registry, circuit_breaker, fallback};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fmt, fs};

const TOKEN: &str = "only-for-these-pictures";

/// A failed call of a dependency.
#[derive(Debug)]
enum ShopError {
    Upstream(&'static str),
    Open(CircuitBreakerError),
}

impl fmt::Display for ShopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstream(what) => f.write_str(what),
            Self::Open(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ShopError {}

impl From<CircuitBreakerError> for ShopError {
    fn from(error: CircuitBreakerError) -> Self {
        Self::Open(error)
    }
}

/// The failure rate of each dependency, in percent.
static TEXT: AtomicU32 = AtomicU32::new(0);
static EMBEDDINGS: AtomicU32 = AtomicU32::new(0);
static PAYMENTS: AtomicU32 = AtomicU32::new(0);

fn call(failing: &AtomicU32, number: u32, error: &'static str) -> Result<u32, ShopError> {
    // 37 has no factor in common with 100, so failures are spread out.
    if (number * 37) % 100 < failing.load(Ordering::Relaxed) { Err(ShopError::Upstream(error)) } else { Ok(number) }
}

#[circuit_breaker(name = "text_generation", fail_max = 5, recovery_timeout = "15s", timeout = "10s", critical = true)]
#[fallback(l1_cache = |_rejection| (number % 3 != 0).then_some(number), excerpts = |_rejection| (number % 15 != 0).then_some(number), on(open, failure))]
async fn text_generation(number: u32) -> Result<u32, ShopError> {
    call(&TEXT, number, "the text-generation API answered 503: overloaded")
}

#[circuit_breaker(name = "embedding_service", fail_max = 3, recovery_timeout = "8s")]
#[fallback(keyword_search = |_rejection| Some(number))]
async fn embedding_service(number: u32) -> Result<u32, ShopError> {
    call(&EMBEDDINGS, number, "connection refused (127.0.0.1:8085)")
}

#[circuit_breaker(name = "payments", fail_max = 5, recovery_timeout = "20s", critical = true)]
async fn payments(number: u32) -> Result<u32, ShopError> {
    call(&PAYMENTS, number, "the bank did not answer within 2 s")
}

#[circuit_breaker(name = "mail_relay", recovery_timeout = "60s")]
#[fallback(send_later = |_rejection| Some(number))]
async fn mail_relay(number: u32) -> Result<u32, ShopError> {
    Ok(number)
}

#[circuit_breaker(name = "redis_cache", recovery_timeout = "10s")]
async fn redis_cache(number: u32) -> Result<u32, ShopError> {
    Ok(number)
}

#[circuit_breaker(name = "database", fail_max = 3, critical = true)]
async fn database(number: u32) -> Result<u32, ShopError> {
    Ok(number)
}

#[circuit_breaker(name = "geo_lookup")]
async fn geo_lookup(number: u32) -> Result<u32, ShopError> {
    Ok(number)
}

/// The events of the two minutes, by the second.
fn happens(second: u64) {
    match second {
        22 => EMBEDDINGS.store(100, Ordering::Relaxed),
        36 => EMBEDDINGS.store(0, Ordering::Relaxed),
        58 => TEXT.store(100, Ordering::Relaxed),
        70 => {
            if let Some(mail) = Registry::global().get("mail_relay") {
                mail.force_open();
            }
        }
        72 => PAYMENTS.store(7, Ordering::Relaxed),
        _ => {}
    }
}

/// Simulates customers until the pictures are made.
async fn customers() {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    let mut seconds = 0;
    for number in 0_u32.. {
        ticks.tick().await;
        while began.elapsed().as_secs() >= seconds {
            happens(seconds);
            seconds += 1;
        }
        // A varying number, as in any shop.
        let wave = 2 + (number / 90) % 3 + u32::from(number % 7 == 0);
        for one in 0..wave {
            let number = number * 3 + one;
            // The dashboard shows the result.
            let _ = (text_generation(number).await, redis_cache(number).await, database(number).await);
            if one == 0 {
                let _ = (embedding_service(number).await, payments(number).await);
            }
            if one == 1 && number % 2 == 0 {
                let _ = (mail_relay(number).await, geo_lookup(number).await);
            }
        }
    }
}

async fn picture(tab: &Tab, directory: &Path, name: &str) -> Result<(), Trouble> {
    fs::write(directory.join(format!("{name}.png")), tab.picture().await?)?;
    Ok(())
}

async fn log_in(tab: &Tab) -> Result<(), Trouble> {
    tab.click("#login-open").await?;
    tab.write(TOKEN).await?;
    tab.press(Key::Enter, false).await?;
    tab.until_text("#login-text", "Log out").await
}

#[tokio::main]
async fn main() -> Result<(), Trouble> {
    let directory = env::args().nth(1).ok_or("usage: screenshots DIRECTORY")?;
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let registry = Registry::global();
    let gallery = Gallery::of(registry, Some(TOKEN)).await?;
    let chrome = Chrome::start().await?;
    let address = gallery.dashboard();
    let light = chrome.open(&address, View { width: 1280, height: 760, dark: false }).await?;
    let dark = chrome.open(&address, View { width: 1280, height: 760, dark: true }).await?;
    let phone = chrome.open(&address, View { width: 390, height: 844, dark: true }).await?;
    let detail = chrome.open(&address, View { width: 1280, height: 1000, dark: true }).await?;
    log_in(&detail).await?;

    tokio::spawn(customers());
    tokio::time::sleep(Duration::from_secs(97)).await;
    for (tab, name) in [(&light, "light"), (&dark, "dark"), (&phone, "phone")] {
        tab.until_text("h1", "2 of 7 dependencies are down").await?;
        picture(tab, directory, &format!("dashboard-{name}")).await?;
    }
    detail.eval("location.hash = 'breaker=text_generation'").await?;
    detail.until("document.querySelectorAll('.settings tbody tr').length > 10").await?;
    detail.eval("document.activeElement.blur()").await?;
    picture(&detail, directory, "dashboard-details").await?;

    let config = Config::new().fail_max(3).recovery_timeout(Duration::from_secs(90));
    let kinds = ["auth", "cart", "offers", "prices", "search", "stock", "users"];
    let mut crowd = Vec::new();
    for at in 7..200_usize {
        let breaker = gallery.breaker(&format!("{}-{:02}", kinds[at % kinds.len()], at / kinds.len()), config)?;
        gallery.succeed(&breaker, u32::try_from(20 + (at * 31) % 400)?).await;
        match at {
            40 | 121 => gallery.fail(&breaker, 3 + u32::try_from(at)? % 40).await,
            77 => breaker.shadow(),
            150 => breaker.disable(),
            _ => {}
        }
        crowd.push(breaker);
    }
    let many = chrome.open(&address, View { width: 1280, height: 820, dark: false }).await?;
    many.until_text("h1", "of 200 dependencies are down").await?;
    for round in 0..150 {
        for (at, breaker) in crowd.iter().enumerate() {
            gallery.succeed(breaker, u32::try_from((at * 5 + round / 7) % 4)?).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    picture(&many, directory, "dashboard-200").await?;
    for tab in [&light, &dark, &phone, &detail, &many] {
        if !tab.complaints().is_empty() {
            return Err(format!("{:?}", tab.complaints()).into());
        }
    }
    Ok(())
}
