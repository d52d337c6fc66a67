use breaker_core::Classify;
use std::io;

#[derive(Debug, Classify)]
enum ApiError {
    #[classify(with = breaker_core::presets::io, delegate)]
    Read(io::Error),
    #[classify(delegate, with = breaker_core::presets::io)]
    Write(io::Error),
    #[classify(with = breaker_core::presets::io)]
    #[classify(delegate)]
    Both(io::Error),
}

#[derive(Debug, Classify)]
#[classify(with = breaker_core::presets::io)]
struct Wrapped(io::Error);

fn main() {}
