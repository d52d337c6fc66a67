//! What clippy tells of a body.
#![warn(clippy::pedantic, clippy::print_stdout, clippy::unwrap_used)]

use std::future::Future;

use breaker_core::{CircuitBreakerError, circuit_breaker};

type Reply<T> = Result<T, CircuitBreakerError>;

#[circuit_breaker]
pub async fn needless_return(n: u8) -> Reply<u8> {
    pause().await;
    return Ok(n);
}

#[circuit_breaker]
pub fn needless_return_sync(n: u8) -> Reply<u8> {
    return Ok(n);
}

#[circuit_breaker]
pub fn needless_return_of_an_underscore(_n: u8) -> Reply<u8> {
    drop(pause());
    return Ok(1);
}

#[circuit_breaker]
pub async fn needless_returns_in_branches(n: u8) -> Reply<u8> {
    pause().await;
    if n == 0 {
        return Ok(1);
    } else {
        return Ok(n);
    }
}

#[circuit_breaker]
pub fn needless_return_in_a_future(n: u8) -> impl Future<Output = Reply<u8>> {
    async move {
        pause().await;
        return Ok(n);
    }
}

#[circuit_breaker]
pub fn needless_lifetimes<'a>(text: &'a str) -> Reply<usize> {
    Ok(text.len())
}

#[circuit_breaker]
pub async fn let_and_return(n: u8) -> Reply<u8> {
    pause().await;
    let reply = Ok(n);
    reply
}

#[circuit_breaker]
pub fn let_and_return_sync(n: u8) -> Reply<u8> {
    let reply = Ok(n);
    reply
}

#[circuit_breaker]
pub async fn needless_question_mark(n: u8) -> Reply<u8> {
    Ok(let_and_return(n).await?)
}

#[circuit_breaker]
pub fn needless_question_mark_sync(n: u8) -> Reply<u8> {
    Ok(let_and_return_sync(n)?)
}

#[circuit_breaker]
pub async fn several(text: &str, n: u64) -> Reply<u8> {
    pause().await;
    let copy = text.clone();
    Ok(copy.parse::<u8>().unwrap() + n as u8)
}

#[circuit_breaker]
pub fn several_sync(text: &str, n: u64) -> Reply<u8> {
    println!("{}", n);
    let copy = text.clone();
    Ok(copy.parse::<u8>().unwrap() + n as u8)
}

#[circuit_breaker]
pub fn used_underscore_binding(_n: u8) -> Reply<u8> {
    Ok(_n)
}

#[circuit_breaker]
pub async fn used_underscore_binding_async(mut _n: u8) -> Reply<u8> {
    pause().await;
    _n += 1;
    Ok(_n)
}

#[circuit_breaker]
pub fn used_underscore_binding_of_a_pattern((_n, text): (u8, String)) -> Reply<u8> {
    drop(text);
    Ok(_n)
}

#[circuit_breaker]
pub fn ptr_arg(list: &Vec<u8>, count: usize) -> Reply<usize> {
    Ok(list.len() + count)
}

#[circuit_breaker]
pub fn only_used_in_recursion(n: u8, text: &str) -> Reply<u8> {
    if n == 0 { Ok(0) } else { only_used_in_recursion(n - 1, text) }
}

pub struct Client(u8);

impl Client {
    #[circuit_breaker]
    pub fn method(&mut self) -> Reply<u8> {
        self.0 = self.0 + 1;
        return Ok(self.0);
    }

    #[circuit_breaker]
    pub async fn async_method(&mut self) -> Reply<u8> {
        self.0 = self.0 + 1;
        pause().await;
        return Ok(self.0);
    }
}

async fn pause() {}

fn main() {}
