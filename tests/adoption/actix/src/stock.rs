//! The stock: a blocking client of a server with a line protocol. `TAKE tea 2` is answered by `TAKEN 7` or `LEFT 1`.

use breaker_core::circuit_breaker;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum StockError {
    #[error("only {left} left")]
    OutOfStock { left: u32 },
    #[error("the stock cannot be reached")]
    Io(#[from] io::Error),
    #[error("the stock answered {0:?}")]
    Garbled(String),
}

/// Goods that are set aside under this number.
#[derive(Debug, PartialEq)]
pub struct Reservation(pub u32);

#[derive(Clone, Copy, Debug)]
pub struct Stock {
    address: SocketAddr,
}

#[circuit_breaker(
    name = "stock", fail_max = 3, success(StockError::OutOfStock { .. }),
    open = |rejection| StockError::Io(rejection.into()),
)]
impl Stock {
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    pub fn take(&self, item: &str, quantity: u32) -> Result<Reservation, StockError> {
        let answer = ask(self.address, &format!("TAKE {item} {quantity}"))?;
        match answer.split_once(' ') {
            Some(("TAKEN", number)) => number.parse().map(Reservation).map_err(|_| StockError::Garbled(answer)),
            Some(("LEFT", left)) => {
                let left = left.parse().map_err(|_| StockError::Garbled(answer.clone()))?;
                Err(StockError::OutOfStock { left })
            }
            _ => Err(StockError::Garbled(answer)),
        }
    }

    pub fn give_back(&self, Reservation(number): Reservation) -> Result<(), StockError> {
        match ask(self.address, &format!("GIVE {number}"))?.as_str() {
            "THANKS" => Ok(()),
            answer => Err(StockError::Garbled(answer.to_owned())),
        }
    }
}

/// How much of an item is there.
#[circuit_breaker(name = "stock")]
pub fn level(address: SocketAddr, item: &str) -> anyhow::Result<u32> {
    use anyhow::Context as _;
    let answer = ask(address, &format!("LEVEL {item}")).context("no level")?;
    answer.parse().with_context(|| format!("no number: {answer}"))
}

fn ask(address: SocketAddr, question: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    writeln!(stream, "{question}")?;
    let mut answer = String::new();
    if BufReader::new(stream).read_line(&mut answer)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer.trim_end().to_owned())
}
