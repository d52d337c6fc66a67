//! What the borrow checker tells.
#![allow(dead_code, unused_imports, unused_variables, unused_assignments)]

use std::future::Future;
use std::pin::Pin;

use breaker_core::{CircuitBreakerError, circuit_breaker};
use futures_core::Stream;

type Reply<T> = Result<T, CircuitBreakerError>;
type Items = Pin<Box<dyn Stream<Item = Reply<u8>> + Send>>;

#[circuit_breaker]
async fn used_after_a_move(text: String) -> Reply<usize> {
    drop(text);
    Ok(text.len())
}

#[circuit_breaker]
fn used_after_a_move_sync(text: String) -> Reply<usize> {
    drop(text);
    Ok(text.len())
}

#[circuit_breaker]
async fn assigned_twice(n: u8) -> Reply<u8> {
    n = 2;
    Ok(n)
}

#[circuit_breaker]
fn assigned_twice_sync(n: u8) -> Reply<u8> {
    n = 2;
    Ok(n)
}

#[circuit_breaker]
async fn not_mutable(list: Vec<u8>) -> Reply<()> {
    list.push(1);
    Ok(())
}

#[circuit_breaker]
fn not_mutable_sync(list: Vec<u8>) -> Reply<()> {
    list.push(1);
    Ok(())
}

#[circuit_breaker]
async fn behind_a_shared_reference(list: &Vec<u8>) -> Reply<()> {
    list.push(1);
    Ok(())
}

#[circuit_breaker]
async fn moved_out_of_a_reference(text: &String) -> Reply<String> {
    Ok(*text)
}

#[circuit_breaker]
async fn does_not_live_long_enough(n: u8) -> Reply<u8> {
    let longer;
    {
        let shorter = n;
        longer = &shorter;
    }
    Ok(*longer)
}

#[circuit_breaker]
fn does_not_live_long_enough_sync(n: u8) -> Reply<u8> {
    let longer;
    {
        let shorter = n;
        longer = &shorter;
    }
    Ok(*longer)
}

#[circuit_breaker]
async fn returned_reference_to_a_local(text: &str) -> Reply<&str> {
    let local = text.to_owned();
    Ok(&local)
}

#[circuit_breaker]
fn returned_reference_to_a_local_sync(text: &str) -> Reply<&str> {
    let local = text.to_owned();
    Ok(&local)
}

#[circuit_breaker]
async fn borrowed_twice(list: &mut Vec<u8>) -> Reply<u8> {
    let first = &list[0];
    list.push(1);
    Ok(*first)
}

#[circuit_breaker]
async fn not_initialised(n: u8) -> Reply<u8> {
    let other: u8;
    Ok(n + other)
}

struct Client {
    n: u8,
    list: Vec<u8>,
}

impl Client {
    #[circuit_breaker]
    async fn assigned_behind_self(&self) -> Reply<u8> {
        self.n = 3;
        Ok(self.n)
    }

    #[circuit_breaker]
    fn assigned_behind_self_sync(&self) -> Reply<u8> {
        self.n = 3;
        Ok(self.n)
    }

    #[circuit_breaker]
    fn assigned_behind_self_in_a_future(&self) -> impl Future<Output = Reply<u8>> {
        async move {
            self.n = 3;
            Ok(self.n)
        }
    }

    #[circuit_breaker]
    async fn changed_behind_self(&self) -> Reply<()> {
        self.list.push(1);
        Ok(())
    }

    #[circuit_breaker]
    fn changed_behind_self_sync(&self) -> Reply<()> {
        self.list.push(1);
        Ok(())
    }

    #[circuit_breaker]
    async fn moved_out_of_self(&self) -> Reply<Vec<u8>> {
        Ok(self.list)
    }

    #[circuit_breaker]
    fn moved_out_of_self_sync(&self) -> Reply<Vec<u8>> {
        Ok(self.list)
    }

    #[circuit_breaker]
    async fn borrowed_twice_in_self(&mut self) -> Reply<u8> {
        let first = &self.list[0];
        self.list.push(1);
        Ok(*first)
    }

    #[circuit_breaker]
    fn borrowed_twice_in_self_sync(&mut self) -> Reply<u8> {
        let first = &self.list[0];
        self.list.push(1);
        Ok(*first)
    }

    #[circuit_breaker]
    async fn assigned_while_borrowed(&mut self) -> Reply<u8> {
        let first = &self.n;
        self.n = 3;
        Ok(*first)
    }

    #[circuit_breaker]
    fn assigned_while_borrowed_sync(&mut self) -> Reply<u8> {
        let first = &self.n;
        self.n = 3;
        Ok(*first)
    }
}

#[circuit_breaker]
fn behind_a_shared_reference_sync(list: &Vec<u8>) -> Reply<()> {
    list.push(1);
    Ok(())
}

#[circuit_breaker]
fn moved_out_of_a_reference_sync(text: &String) -> Reply<String> {
    Ok(*text)
}

#[circuit_breaker]
fn borrowed_twice_sync(list: &mut Vec<u8>) -> Reply<u8> {
    let first = &list[0];
    list.push(1);
    Ok(*first)
}

#[circuit_breaker]
fn used_after_a_move_of_a_type_parameter<T: AsRef<str> + Clone>(text: T) -> Reply<usize> {
    drop(text);
    Ok(text.as_ref().len())
}

#[circuit_breaker]
fn used_after_a_move_with_an_underscore(_text: String) -> Reply<usize> {
    drop(_text);
    Ok(_text.len())
}

#[circuit_breaker]
fn used_after_a_move_out_of_a_pattern((text, list): (String, Vec<u8>)) -> Reply<usize> {
    drop(text);
    Ok(text.len() + list.len())
}

#[circuit_breaker]
fn moved_out_of_a_box_of_slices(list: Box<[String]>, at: usize) -> Reply<String> {
    Ok(list[at])
}

#[circuit_breaker]
fn assigned_to_many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, text: String) -> Reply<usize> {
    drop(text);
    a = b + c + d + e + f + g;
    Ok(text.len())
}

#[circuit_breaker]
fn assigned_through_a_reference(n: &u8) -> Reply<u8> {
    *n = 2;
    Ok(*n)
}

#[circuit_breaker]
fn assigned_a_borrow_of_a_local(mut text: &str) -> Reply<usize> {
    let longer = text.to_owned();
    text = &longer;
    Ok(text.len())
}

#[circuit_breaker]
fn used_after_a_move_into_a_future(text: String) -> Pin<Box<dyn Future<Output = Reply<usize>>>> {
    drop(text);
    made(text)
}

fn made(text: String) -> Pin<Box<dyn Future<Output = Reply<usize>>>> {
    Box::pin(async move { Ok(text.len()) })
}

#[circuit_breaker(stream)]
async fn used_after_a_move_in_a_stream(items: Items) -> Reply<Items> {
    drop(items);
    Ok(items)
}

trait Service {
    fn provided(&self, list: Vec<u8>) -> Reply<()>;
    async fn provided_async(&self, list: &Vec<u8>) -> Reply<()>;
}

impl Service for Client {
    #[circuit_breaker]
    fn provided(&self, list: Vec<u8>) -> Reply<()> {
        list.push(self.n);
        Ok(())
    }

    #[circuit_breaker]
    async fn provided_async(&self, list: &Vec<u8>) -> Reply<()> {
        list.push(self.n);
        Ok(())
    }
}

#[circuit_breaker]
impl Client {
    fn in_a_block(&self, text: String) -> Result<u8, CircuitBreakerError> {
        self.n = 3;
        Ok(self.n)
    }

    fn in_a_block_without_a_receiver(text: String) -> Result<usize, CircuitBreakerError> {
        drop(text);
        Ok(text.len())
    }

    async fn in_a_block_async(&mut self, text: String) -> Result<usize, CircuitBreakerError> {
        drop(text);
        Ok(text.len())
    }
}

fn main() {}
