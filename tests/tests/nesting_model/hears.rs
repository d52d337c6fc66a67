//! A listener that notes what is reported of single calls.

use crate::inside::Told;
use breaker_core::Listener;
use breaker_core::event::{BeforeCall, Cancelled, Failure, Ignored, PassedOn, Rejected, Success};
use std::sync::{Arc, Mutex};

/// What is reported to a listener of single calls.
#[derive(Clone, Default)]
pub(crate) struct Hears(Arc<Mutex<Vec<Told>>>);

impl Hears {
    /// Since the last look.
    pub(crate) fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn hear(&self, told: Told) {
        self.0.lock().unwrap().push(told);
    }
}

impl Listener for Hears {
    fn on_call(&self, _: &BeforeCall<'_>) {
        self.hear(Told::Asked);
    }

    fn on_success(&self, _: &Success<'_>) {
        self.hear(Told::Success);
    }

    fn on_failure(&self, _: &Failure<'_>) {
        self.hear(Told::Failure);
    }

    fn on_ignored(&self, _: &Ignored<'_>) {
        self.hear(Told::Ignored);
    }

    fn on_cancelled(&self, _: &Cancelled<'_>) {
        self.hear(Told::Cancelled);
    }

    fn on_passed_on(&self, _: &PassedOn<'_>) {
        self.hear(Told::PassedOn);
    }

    fn on_rejected(&self, event: &Rejected<'_>) {
        self.hear(Told::Rejected { shadow: event.shadow });
    }
}
