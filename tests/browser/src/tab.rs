//! Controls a page in the browser.
//!
//! A test reads its content, log and requests, and sends it keys and clicks.

use crate::Trouble;
use chromiumoxide::Page;
use chromiumoxide::cdp::browser_protocol::accessibility::{AxNode, GetFullAxTreeParams};
use chromiumoxide::cdp::browser_protocol::input::{DispatchKeyEventParams, DispatchKeyEventType, InsertTextParams};
use chromiumoxide::cdp::browser_protocol::log::{EventEntryAdded, LogEntryLevel};
use chromiumoxide::cdp::browser_protocol::network::EventRequestWillBeSent;
use chromiumoxide::cdp::browser_protocol::page::CaptureScreenshotFormat;
use chromiumoxide::cdp::js_protocol::runtime::{
    ConsoleApiCalledType, EvaluateParams, EventConsoleApiCalled, EventExceptionThrown,
};
use chromiumoxide::layout::Point;
use chromiumoxide::page::ScreenshotParams;
use futures_util::StreamExt;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest wait for a change on the page.
const PATIENCE: Duration = Duration::from_secs(20);

/// A key without a character.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Key {
    Tab,
    Enter,
    Escape,
    ArrowDown,
}

/// The hidden results of a page: its log and its requests.
#[derive(Debug, Default)]
struct Notes {
    complaints: Vec<String>,
    requests: Vec<String>,
}

/// A tab.
#[derive(Debug)]
pub struct Tab {
    page: Page,
    notes: Arc<Mutex<Notes>>,
}

impl Tab {
    pub(crate) async fn watch(page: Page) -> Result<Self, Trouble> {
        let notes = Arc::new(Mutex::new(Notes::default()));
        let tab = Self { page, notes };
        tab.page.enable_log().await?;
        tab.page.enable_runtime().await?;
        tab.listen::<EventConsoleApiCalled>(|event, notes| {
            let bad = [ConsoleApiCalledType::Error, ConsoleApiCalledType::Warning, ConsoleApiCalledType::Assert];
            if bad.contains(&event.r#type) {
                notes.complaints.push(format!("console: {:?}", event.args));
            }
        })
        .await?;
        tab.listen::<EventExceptionThrown>(|event, notes| {
            notes.complaints.push(format!("exception: {:?}", event.exception_details));
        })
        .await?;
        tab.listen::<EventEntryAdded>(|event, notes| {
            if matches!(event.entry.level, LogEntryLevel::Error | LogEntryLevel::Warning) {
                notes.complaints.push(format!("{} ({})", event.entry.text, event.entry.url.as_deref().unwrap_or("")));
            }
        })
        .await?;
        tab.listen::<EventRequestWillBeSent>(|event, notes| notes.requests.push(event.request.url.clone())).await?;
        Ok(tab)
    }

    async fn listen<E>(&self, note: impl Fn(&E, &mut Notes) + Send + 'static) -> Result<(), Trouble>
    where
        E: chromiumoxide::cdp::IntoEventKind + Unpin + Send + Sync + 'static,
    {
        let mut events = self.page.event_listener::<E>().await?;
        let notes = Arc::clone(&self.notes);
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                note(&event, &mut notes.lock().unwrap_or_else(PoisonError::into_inner));
            }
        });
        Ok(())
    }

    /// Shows another address.
    ///
    /// # Errors
    /// It cannot be shown.
    pub async fn go(&self, address: &str) -> Result<(), Trouble> {
        self.page.goto(address).await?;
        Ok(())
    }

    /// Runs a script before those of each further page.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn before_each_document(&self, script: &str) -> Result<(), Trouble> {
        self.page.evaluate_on_new_document(script).await?;
        Ok(())
    }

    /// Reloads the page.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn reload(&self) -> Result<(), Trouble> {
        self.page.reload().await?;
        Ok(())
    }

    /// The value of an expression in the page.
    ///
    /// # Errors
    /// It throws.
    pub async fn eval(&self, expression: &str) -> Result<Value, Trouble> {
        let asked =
            EvaluateParams::builder().expression(expression).await_promise(true).return_by_value(true).build()?;
        let result = self.page.evaluate_expression(asked).await?;
        Ok(result.value().cloned().unwrap_or(Value::Null))
    }

    /// The visible text of the first element that matches.
    ///
    /// # Errors
    /// There is none.
    pub async fn text(&self, selector: &str) -> Result<String, Trouble> {
        let text = self.eval(&format!("document.querySelector({})?.innerText", quoted(selector))).await?;
        text.as_str().map(str::to_owned).ok_or_else(|| format!("there is no `{selector}`").into())
    }

    /// Waits until an expression is true.
    ///
    /// # Errors
    /// It is not true within 20 seconds; the error contains the page's text.
    pub async fn until(&self, expression: &str) -> Result<(), Trouble> {
        let began = Instant::now();
        loop {
            // A page that still loads may have nothing to evaluate.
            if let Ok(Value::Bool(true)) = self.eval(&format!("Boolean({expression})")).await {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                let shown = self.text("body").await.unwrap_or_default();
                return Err(format!(
                    "not so within {PATIENCE:?}: {expression}\nThe page shows:\n{shown}\n{:?}",
                    self.complaints()
                )
                .into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the text of an element contains these words.
    ///
    /// # Errors
    /// It does not within 20 seconds.
    pub async fn until_text(&self, selector: &str, words: &str) -> Result<(), Trouble> {
        self.until(&format!("document.querySelector({})?.innerText.includes({})", quoted(selector), quoted(words)))
            .await
    }

    /// Clicks at the middle of the first visible element that matches, as a user does. Any element
    /// above it gets the click.
    ///
    /// # Errors
    /// There is none within 20 seconds.
    pub async fn click(&self, selector: &str) -> Result<(), Trouble> {
        let found =
            format!("[...document.querySelectorAll({})].find((one) => one.checkVisibility())", quoted(selector));
        self.until(&found).await?;
        let middle = format!(
            "(() => {{ const one = {found}; one.scrollIntoView({{ block: 'center', behavior: 'instant' }});
              const box = one.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        );
        let middle: (f64, f64) = serde_json::from_value(self.eval(&middle).await?)?;
        self.page.click(Point::new(middle.0, middle.1)).await?;
        Ok(())
    }

    /// Types into the focused element.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn write(&self, text: &str) -> Result<(), Trouble> {
        self.page.execute(InsertTextParams::new(text)).await?;
        Ok(())
    }

    /// Replaces the text of an input.
    ///
    /// # Errors
    /// There is no such input.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<(), Trouble> {
        self.click(selector).await?;
        self.eval(&format!("document.querySelector({}).select()", quoted(selector))).await?;
        self.write(text).await
    }

    /// Presses a key without a character, with or without the shift key.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn press(&self, key: Key, shift: bool) -> Result<(), Trouble> {
        let (name, code, text) = match key {
            Key::Tab => ("Tab", 9, None),
            Key::Enter => ("Enter", 13, Some("\r")),
            Key::Escape => ("Escape", 27, None),
            Key::ArrowDown => ("ArrowDown", 40, None),
        };
        self.key(name, name, code, text, shift).await
    }

    /// Presses a key with a character.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn press_character(&self, character: char) -> Result<(), Trouble> {
        let text = character.to_string();
        let code = if character == '/' { 191 } else { i64::from(u32::from(character.to_ascii_uppercase())) };
        self.key(&text, "", code, Some(&text), false).await
    }

    async fn key(&self, name: &str, code: &str, number: i64, text: Option<&str>, shift: bool) -> Result<(), Trouble> {
        let event = |kind| {
            let event = DispatchKeyEventParams::builder().key(name).code(code).windows_virtual_key_code(number);
            event.modifiers(if shift { 8 } else { 0 }).r#type(kind)
        };
        let down = match text {
            Some(text) => event(DispatchKeyEventType::KeyDown).text(text),
            None => event(DispatchKeyEventType::RawKeyDown),
        };
        self.page.execute(down.build()?).await?;
        self.page.execute(event(DispatchKeyEventType::KeyUp).build()?).await?;
        Ok(())
    }

    /// The content for a screen reader: every node of the accessibility tree that is not ignored.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn accessible(&self) -> Result<Vec<AxNode>, Trouble> {
        let tree = self.page.execute(GetFullAxTreeParams::default()).await?;
        Ok(tree.result.nodes.into_iter().filter(|node| !node.ignored).collect())
    }

    /// A picture of the visible part, as a PNG.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn picture(&self) -> Result<Vec<u8>, Trouble> {
        let picture = ScreenshotParams::builder().format(CaptureScreenshotFormat::Png).build();
        Ok(self.page.screenshot(picture).await?)
    }

    /// Errors and warnings of the console, exceptions, and the browser's own complaints: a broken
    /// policy, a missing file.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).complaints.clone()
    }

    /// The requested addresses.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).requests.clone()
    }

    /// Clears the complaints so far, where they were expected.
    pub fn forgive(&self) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).complaints.clear();
    }

    /// Asserts that there are no complaints, and that every request went to `origin`.
    ///
    /// # Panics
    /// Otherwise.
    pub fn assert_clean(&self, origin: &str) {
        assert_eq!(self.complaints(), Vec::<String>::new());
        let requests = self.requests();
        assert!(requests.iter().any(|url| url.ends_with("/events")), "{requests:?}");
        let outside: Vec<_> = requests
            .iter()
            .filter(|url| !url.starts_with(&format!("{origin}/")) && !url.starts_with("data:"))
            .collect();
        assert!(outside.is_empty(), "{outside:?}");
    }
}

/// A text as a JavaScript literal.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
