//! Runs the code search, which finds functions by what they do while any dependency may be down.
//!
//! `cargo run --example code_search -- index PATH`, `-- search "query"` and `-- serve`; `-- --help`
//! explains.

#[path = "../start.rs"]
mod start;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Instant};

use breaker_code_search::{
    config::SearchConfig,
    embedding,
    indexing::{Answer, CodeIndexingService, Indexed},
    service::{Service, code_search},
};
use breaker_core::Registry;
use clap::{Parser, Subcommand};

/// Finds functions in Rust and Python source by what they do.
///
/// Without any server it keeps its index in a SQLite file, embeds with models of its own and goes
/// on without Redis. With REDIS_URL, DATABASE_URL and an embedding API it uses those, each behind a
/// circuit breaker, and goes on without any one of them.
#[derive(Debug, Parser)]
#[command(after_long_help = SETTINGS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Index a source file, or all of a directory
    Index {
        /// The file or directory
        path: PathBuf,
    },
    /// Find functions
    Search {
        /// What they do, or what they are called
        query: String,
        /// The most functions that are shown
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
        limit: u16,
    },
    /// Keep the service running, and print curl commands to try
    Serve {
        /// The service's port; 0 takes any free one
        #[arg(long, default_value_t = 8082)]
        port: u16,
    },
}

const SETTINGS: &str = "\
Settings come from the environment and from a file `.env` (examples/code_search/.env.example lists all of them):
  DATABASE_URL          postgres://user@host/database; not set: SQLite in ./code_search.db
                        with TLS: ?sslmode=verify-full&sslrootcert=FILE; without a file: the system's authorities
  REDIS_URL             not set: redis://127.0.0.1:6379; with TLS: rediss://host
  REDIS_CA_FILE         the authorities (PEM) of a rediss:// server; not set: the system's
  EMBEDDING_MODEL, CODE_EMBEDDING_MODEL
                        the URL of an embedding API; not set: the models that are built in
  REDIS_CIRCUIT_FAILURE_THRESHOLD=5, REDIS_CIRCUIT_RECOVERY_TIMEOUT=30, REDIS_CIRCUIT_HALF_OPEN_CALLS=1
                        and every other key of this breaker, of EMBEDDING_CIRCUIT_.., of DATABASE_CIRCUIT_.. (reads)
                        and of DATABASE_WRITES_CIRCUIT_..
All invalid settings are reported at once, and the exit code is 2.";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The answer of a single command includes what it has to say of an outage.
    let serves = matches!(arguments.command, Command::Serve { .. });
    let level = if serves { "info" } else { "error,breaker_core::log=off" };
    start::start("code search", level, |lookup| SearchConfig::read(lookup), |config| run(arguments.command, config))
}

#[tokio::main]
async fn run(command: Command, config: SearchConfig) -> Result<(), Box<dyn Error>> {
    let code = code_search(config)?;
    match command {
        Command::Index { path } => {
            let started = Instant::now();
            let indexed = code.index_directory(&path).await?;
            show_indexed(&indexed, started.elapsed().as_secs_f64());
        }
        Command::Search { query, limit } => {
            let started = Instant::now();
            let answer = code.search(&query, usize::from(limit)).await?;
            show_answer(&answer, started.elapsed().as_secs_f64() * 1e3);
        }
        Command::Serve { port } => serve(code, port).await?,
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
fn show_indexed(indexed: &Indexed, seconds: f64) {
    println!("{} functions of {} files can be found now ({seconds:.1} s).", indexed.functions, indexed.files);
    if let Some(why) = &indexed.degraded {
        let count = indexed.without_vectors;
        println!("{count} of them only by their words: {why}. Index them again when the models are back.");
        show_last_error();
    }
    if indexed.shortened > 0 {
        println!(
            "{} of them were too long, so they can be found only by the beginning of their text.",
            indexed.shortened
        );
    }
    if indexed.left_out > 0 {
        println!("{} functions were not indexed, since their files have too many.", indexed.left_out);
    }
    if indexed.forgotten > 0 {
        println!("{} files no longer exist, and were removed from the index.", indexed.forgotten);
    }
    indexed.too_deep.iter().for_each(|part| println!("Parsed in part: {part}"));
    indexed.skipped.iter().for_each(|skipped| println!("Skipped {skipped}"));
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
fn show_answer(answer: &Answer, milliseconds: f64) {
    for (place, hit) in answer.hits.iter().enumerate() {
        let chunk = &hit.chunk;
        println!("{}. {}  {}:{}", place + 1, chunk.name, chunk.file_path, chunk.start_line);
    }
    if answer.hits.is_empty() {
        println!("Nothing found. `index PATH` adds files to the index.");
    }
    let from = answer.cached.map_or(String::new(), |level| format!(", from cache {level}"));
    println!("({milliseconds:.1} ms{from})");
    if let Some(why) = &answer.degraded {
        println!("Found by words only: {why}.");
        show_last_error();
    }
}

/// What the breaker knows of the models' last failure.
#[expect(clippy::print_stdout, reason = "whoever reads this may have to act")]
fn show_last_error() {
    let breaker = Registry::global().get(embedding::BREAKER);
    if let Some(message) = breaker.and_then(|breaker| breaker.snapshot().last_error?.message) {
        println!("The models' last error: {message}");
    }
}

/// Runs the service until it is asked to end, and answers the requests in flight then.
#[expect(clippy::print_stdout, reason = "a person wants to know where to send queries")]
async fn serve(code: CodeIndexingService, port: u16) -> Result<(), Box<dyn Error>> {
    let mut ending = start::Ending::listen()?;
    let mut service = Service::start(code, port).await?;
    let address = service.address;
    println!(
        r#"The code search listens on http://{address}.

Index a file:
  curl -s http://{address}/v1/code/index -H 'content-type: application/json' \
    -d '{{"file_path": "greet.py", "content": "def greet(name):\n    return \"Hello, \" + name\n"}}'
Find a function:
  curl -s 'http://{address}/v1/code/search/hybrid?query=say%20hello&limit=3'
Look at the breakers:
  curl -s http://{address}/health
Ctrl-C or SIGTERM ends it, after it has answered the requests in flight."#
    );
    tokio::select! {
        () = service.stopped() => return Err("the service stopped".into()),
        () = ending.asked() => {}
    }
    ending.drain(service.drain()).await;
    Ok(())
}
