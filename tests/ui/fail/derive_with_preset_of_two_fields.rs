use breaker_core::Classify;
use std::io;

#[derive(Debug, Classify)]
enum ApiError {
    #[classify(with = breaker_core::presets::io)]
    Read(io::Error, String),
    #[classify(with = breaker_core::presets::any)]
    Named { source: Box<dyn std::error::Error>, path: String, line: u32 },
    #[classify(with = ::breaker_core::presets::http_status)]
    Unit,
    #[classify(with = breaker_core::presets::io)]
    Empty(),
}

fn main() {}
