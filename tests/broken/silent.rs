//! What clippy no longer tells of a body: each function has one such lint, which its name says.
#![warn(clippy::pedantic, clippy::nursery, clippy::restriction)]

use breaker_core::{CircuitBreakerError, circuit_breaker};

type Reply<T> = Result<T, CircuitBreakerError>;

#[circuit_breaker]
fn missing_const_for_fn(n: u8) -> Reply<u8> {
    return Ok(n);
}

#[circuit_breaker]
fn unnecessary_wraps(n: u8) -> Reply<u8> {
    drop(n.to_string());
    return Ok(n);
}

#[circuit_breaker]
fn needless_pass_by_value(text: String) -> Reply<usize> {
    return Ok(text.len());
}

#[circuit_breaker]
fn needless_pass_by_ref_mut(list: &mut [u8]) -> Reply<usize> {
    return Ok(list.len());
}

#[circuit_breaker]
fn unwrap_in_result(text: &str) -> Reply<u8> {
    let n: u8 = text.parse().unwrap();
    return if n == 0 { Err(failed()) } else { Ok(n) };
}

#[circuit_breaker]
fn needless_lifetimes<'a>(text: &'a str) -> Reply<&'a str> {
    return if text.is_empty() { Err(failed()) } else { Ok(text) };
}

#[circuit_breaker]
async fn unused_async(n: u8) -> Reply<u8> {
    return Ok(n);
}

#[circuit_breaker]
async fn implicit_return(n: u8) -> Reply<u8> {
    pause().await;
    Ok(n)
}

#[circuit_breaker]
async fn items_after_statements(n: u8) -> Reply<u8> {
    pause().await;
    const ONE: u8 = 1;
    return Ok(n.max(ONE));
}

#[circuit_breaker]
async fn print_stdout(n: u8) -> Reply<u8> {
    println!("{n}");
    pause().await;
    return Ok(n);
}

#[circuit_breaker]
async fn print_stderr(n: u8) -> Reply<u8> {
    eprintln!("{n}");
    pause().await;
    return Ok(n);
}

#[circuit_breaker]
async fn uninlined_format_args(n: u8) -> Reply<u8> {
    pause().await;
    println!("{}", n);
    return Ok(n);
}

#[circuit_breaker]
async fn todo() -> Reply<u8> {
    pause().await;
    todo!()
}

#[circuit_breaker]
async fn unimplemented() -> Reply<u8> {
    pause().await;
    unimplemented!()
}

fn failed() -> CircuitBreakerError {
    panic!("no call fails here")
}

async fn pause() {}
