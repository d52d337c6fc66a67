//! Starts a Chromium with a profile of its own, and ends and removes both.

use crate::Trouble;
use crate::tab::Tab;
use chromiumoxide::Browser;
use chromiumoxide::browser::BrowserConfig;
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams, SetTimezoneOverrideParams,
};
use futures_util::StreamExt;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Its names on different systems.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Host names that lead to this machine. To the browser they are other sites.
const HOSTS: (&str, &str) = ("host-resolver-rules", "MAP *.test 127.0.0.1");

/// The settings of a tab's screen.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// Whether the system's theme is the dark one.
    pub dark: bool,
}

impl View {
    /// A desktop screen.
    pub const DESK: Self = Self { width: 1280, height: 900, dark: false };
    /// The narrowest phone.
    pub const PHONE: Self = Self { width: 320, height: 640, dark: false };
}

/// A running browser; dropping it ends it.
#[derive(Debug)]
pub struct Chrome {
    browser: Browser,
    events: JoinHandle<()>,
    _profile: TempDir,
}

impl Chrome {
    /// Starts it without a window. As root, as in a container, it has no sandbox, which only
    /// matters for other sites' pages.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub async fn start() -> Result<Self, Trouble> {
        let profile = tempfile::tempdir()?;
        let config = BrowserConfig::builder()
            .chrome_executable(executable()?)
            .new_headless_mode()
            .no_sandbox()
            .user_data_dir(profile.path())
            .viewport(None)
            .arg(HOSTS)
            .build()?;
        let (browser, mut handler) = Browser::launch(config).await?;
        // A message that the driver does not know is no reason to stop.
        let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
        Ok(Self { browser, events, _profile: profile })
    }

    /// A tab with this address, which records its log and its requests from the start.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn open(&self, address: &str, view: View) -> Result<Tab, Trouble> {
        let page = self.browser.new_page("about:blank").await?;
        let View { width, height, dark } = view;
        page.execute(SetDeviceMetricsOverrideParams::new(i64::from(width), i64::from(height), 1.0, width < 600))
            .await?;
        let theme = if dark { "dark" } else { "light" };
        let features = [("prefers-color-scheme", theme), ("prefers-reduced-motion", "reduce")]
            .map(|(name, value)| MediaFeature::new(name, value));
        page.execute(SetEmulatedMediaParams::builder().features(features).build()).await?;
        page.execute(SetTimezoneOverrideParams::new("UTC")).await?;
        let tab = Tab::watch(page).await?;
        tab.go(address).await?;
        Ok(tab)
    }
}

impl Drop for Chrome {
    /// The driver kills its child when it is dropped.
    fn drop(&mut self) {
        self.events.abort();
    }
}

fn executable() -> Result<PathBuf, Trouble> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).flat_map(|place| NAMES.map(|name| place.join(name)));
    places
        .find(|file| file.is_file())
        .ok_or_else(|| "there is no Chromium on the PATH (Debian: apt-get install chromium)".into())
}
