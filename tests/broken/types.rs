//! What the type checker tells.
#![allow(dead_code, unused_imports)]

use std::future::Future;

use breaker_core::{CircuitBreakerError, circuit_breaker};

type Reply<T> = Result<T, CircuitBreakerError>;

#[circuit_breaker]
async fn another_type_at_the_end(n: u8) -> Reply<u8> {
    Ok(n.to_string())
}

#[circuit_breaker]
fn another_type_at_the_end_sync(n: u8) -> Reply<u8> {
    Ok(n.to_string())
}

#[circuit_breaker]
async fn another_type_at_a_return(n: u8) -> Reply<u8> {
    if n == 0 {
        return Ok("none");
    }
    Ok(n)
}

#[circuit_breaker]
fn another_type_at_a_return_sync(n: u8, text: &str) -> Reply<u8> {
    if n == 0 {
        return Ok(text);
    }
    Ok(n)
}

#[circuit_breaker]
async fn no_result(n: u8) -> Reply<u8> {
    n + 1
}

#[circuit_breaker]
fn no_result_sync(n: u8) -> Reply<u8> {
    n + 1
}

#[circuit_breaker]
async fn no_tail(n: u8) -> Reply<u8> {
    Ok(n);
}

#[circuit_breaker]
fn no_tail_sync(n: u8, mut list: Vec<u8>) -> Reply<u8> {
    list.push(n);
    Ok(n);
}

#[circuit_breaker]
fn no_tail_of_references(text: &str) -> Reply<usize> {
    Ok(text.len());
}

#[circuit_breaker]
async fn empty() -> Reply<u8> {}

#[circuit_breaker]
async fn question_mark_of_another_error(text: &str) -> Reply<u8> {
    let n: u8 = text.parse()?;
    Ok(n)
}

#[circuit_breaker]
async fn no_such_method(text: String) -> Reply<usize> {
    Ok(text.length())
}

#[circuit_breaker]
fn no_such_method_sync(text: String) -> Reply<usize> {
    Ok(text.length())
}

#[circuit_breaker]
async fn no_such_name(text: &str) -> Reply<usize> {
    Ok(test.len())
}

#[circuit_breaker]
async fn argument_of_another_type(n: u8) -> Reply<()> {
    takes_text(n);
    Ok(())
}

#[circuit_breaker]
async fn no_future(n: u8) -> Reply<u8> {
    Ok(n.await)
}

#[circuit_breaker]
fn await_in_a_function_that_is_not_async(n: u8) -> Reply<u8> {
    Ok(std::future::ready(n).await)
}

#[circuit_breaker]
async fn branches_of_two_types(n: u8) -> Reply<u8> {
    let n = if n == 0 { "none" } else { n };
    Ok(n)
}

#[circuit_breaker]
fn returned(n: u8) -> impl Future<Output = Reply<u8>> {
    async move {
        let text = n.to_text();
        Ok(text)
    }
}

fn takes_text(_: &str) {}

struct Client {
    n: u8,
}

impl Client {
    #[circuit_breaker]
    async fn no_such_field(&self) -> Reply<u8> {
        Ok(self.m)
    }

    #[circuit_breaker]
    async fn no_self() -> Reply<u8> {
        Ok(self.n)
    }
}

fn main() {}
