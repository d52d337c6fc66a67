//! Starts llama.cpp's server with the small model, for a user who wants a real one.
//!
//! `scripts/llama serve` runs this.
//!
//! Arguments are parameters of llama.cpp in the form `name=value`.
#![allow(clippy::print_stdout, reason = "it is a program")]

use breaker_servers::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let settings: Vec<_> = arguments.iter().map(String::as_str).collect();
    let Some(server) = Server::llama(&settings).await else { std::process::exit(1) };
    println!("llama.cpp answers at http://127.0.0.1:{}/v1; Enter ends it", server.port);
    let _ = std::io::stdin().read_line(&mut String::new());
}
