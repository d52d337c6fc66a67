//! Measures the future of a call: bare, with our attribute, and with `#[tracing::instrument]`.

use crate::body::upstream;
use crate::failure::Fault;
use breaker_core::circuit_breaker;
use std::future::ready;
use tracing::instrument;

/// The futures of one function.
#[derive(Debug)]
pub struct Size {
    /// The function's arguments.
    pub argument: &'static str,
    /// Without an attribute.
    pub bare: fn() -> usize,
    /// With `#[circuit_breaker]`.
    pub guarded: fn() -> usize,
    /// With `#[tracing::instrument(skip_all, err)]`.
    pub instrumented: fn() -> usize,
}

/// Three versions of a function whose body waits once and uses its argument after that.
macro_rules! size {
    ($argument:literal ($($name:ident: $type:ty)?) ($($value:expr)?) $used:expr) => {{
        async fn bare($($name: $type)?) -> Result<u64, Fault> {
            ready(()).await;
            upstream($used)
        }
        #[circuit_breaker]
        async fn guarded($($name: $type)?) -> Result<u64, Fault> {
            ready(()).await;
            upstream($used)
        }
        #[instrument(skip_all, err)]
        async fn instrumented($($name: $type)?) -> Result<u64, Fault> {
            ready(()).await;
            upstream($used)
        }
        Size {
            argument: $argument,
            bare: || size_of_val(&bare($($value)?)),
            guarded: || size_of_val(&guarded($($value)?)),
            instrumented: || size_of_val(&instrumented($($value)?)),
        }
    }};
}

/// Functions with all kinds of arguments.
pub const SIZES: [Size; 4] = [
    size!("none" () () 0),
    size!("&str" (text: &str) ("") text.len() as u64),
    size!("String" (text: String) (String::new()) text.len() as u64),
    size!("[u8; 1024]" (bytes: [u8; 1024]) ([0; 1024]) u64::from(bytes[0])),
];
