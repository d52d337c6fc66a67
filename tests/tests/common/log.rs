//! Log lines, kept for a look.

use std::cell::RefCell;
use std::io::Write;
use std::sync::OnceLock;
use tracing::Level;

/// The lines that this thread logs. There is one subscriber for all tests: with one for each,
/// tracing may forget call sites that are met while another test makes its own.
pub(crate) struct Log;

/// The targets of all lines of the library.
const TARGETS: [&str; 2] = [" breaker_core::log: ", " breaker_core::configuration: "];

thread_local!(static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });

impl Log {
    /// `level` is the same in all tests of a process.
    pub(crate) fn at(level: Level) -> Self {
        static SUBSCRIBER: OnceLock<()> = OnceLock::new();
        SUBSCRIBER.get_or_init(|| {
            let subscriber = tracing_subscriber::fmt().with_writer(|| Line).with_ansi(false).without_time();
            tracing::subscriber::set_global_default(subscriber.with_max_level(level).finish()).unwrap();
        });
        LINES.take();
        Self
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let lines: Vec<_> =
            LINES.with_borrow(|bytes| str::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect());
        // Services filter by these targets, wherever in the library a line is made.
        let has_target = |line: &String| TARGETS.iter().any(|target| line.contains(target));
        for line in lines.iter().filter(|line| line.contains(" breaker_core::")) {
            assert!(has_target(line), "another target: {line}");
        }
        lines
    }
}

struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
