//! Prints the lines of the time line, with a progress bar below them.

use std::{
    io::{self, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// The printed story.
#[derive(Debug)]
pub(super) struct Timeline {
    bar: ProgressBar,
}

impl Timeline {
    /// Begins a story of this length; without a terminal there is no bar.
    pub(super) fn new(length: Duration) -> Self {
        let bar = ProgressBar::new(length.as_secs());
        let style = ProgressStyle::with_template("  {bar:48.cyan/blue} {pos:>2} of about {len} s  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar }
    }

    /// Prints lines above the bar.
    pub(super) fn say(&self, lines: &str) {
        // The reader may have gone (`| head`), which is no reason to panic.
        let _ = self.bar.suspend(|| writeln!(io::stdout(), "{lines}"));
    }

    /// Prints the heading of a part.
    pub(super) fn heading(&self, title: &str) {
        self.say(&format!("\n{title}\n{}", "=".repeat(title.chars().count())));
    }

    /// Advances the bar by one second.
    pub(super) fn tick(&self, doing: String) {
        self.bar.set_message(doing);
        self.bar.inc(1);
    }

    /// Removes the bar.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A time in a readable form.
pub(super) fn readable(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}
