//! One case: its plan, and its run under a clock and in a registry of its own.

use crate::{plan, run};
use serde_json::Value;
use std::panic::AssertUnwindSafe;

/// How a case ended that did not pass.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It needs what this project does not have.
    Unsupported(String),
    Failed(String),
}

pub(crate) fn run_one(case: &Value) -> Result<(), Ended> {
    let plan = plan::Plan::of(case)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // A panic is a failure of the case, not the end of the report.
    let run = AssertUnwindSafe(|| runtime.block_on(breaker_core::testing::isolated(run::case(&plan, case))));
    let ended = std::panic::catch_unwind(run).unwrap_or_else(|_| Err(Ended::Failed("panicked".to_owned())));
    match ended {
        // The case asks for something that this project does otherwise, and there it shows.
        Err(Ended::Failed(why)) if !plan.lacks.is_empty() => {
            Err(Ended::Unsupported(format!("{}  ({why})", plan.lacks.join(", "))))
        }
        ended => ended,
    }
}
