//! The code search: finds functions by what they do, on caches, embeddings and a database of which any may be away.
//!
//! `cargo run --example code_search -- index PATH`, `-- search "query"` and `-- serve`; `-- --help` explains.

use std::{env, error::Error, io, io::IsTerminal as _, iter, path::PathBuf, process::ExitCode, time::Instant};

use breaker_code_search::{
    config::SearchConfig,
    embedding,
    indexing::{Answer, CodeIndexingService, Indexed},
    service::{Service, code_search},
};
use breaker_core::Registry;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Finds functions in Rust and Python source by what they do.
///
/// Without any server it keeps its index in a SQLite file, embeds with models of its own and goes on without Redis. With REDIS_URL,
/// DATABASE_URL and an embedding API it uses those, each behind a circuit breaker, and goes on without any one of them.
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
    /// Keep the service running, and print the curl lines to play with
    Serve {
        /// The service's port; 0 takes any free one
        #[arg(long, default_value_t = 8082)]
        port: u16,
    },
}

const SETTINGS: &str = "\
Settings come from the environment and from a file `.env` (examples/code_search/.env.example lists all of them):
  DATABASE_URL          postgres://user@host/database; not set: SQLite in ./code_search.db
  REDIS_URL             not set: redis://127.0.0.1:6379
  EMBEDDING_MODEL, CODE_EMBEDDING_MODEL
                        the URL of an embedding API; not set: the models that are built in
  REDIS_CIRCUIT_FAILURE_THRESHOLD=5, REDIS_CIRCUIT_RECOVERY_TIMEOUT=30, REDIS_CIRCUIT_HALF_OPEN_CALLS=1
                        and every other key of this breaker, of EMBEDDING_CIRCUIT_.. and of DATABASE_CIRCUIT_..
A setting that cannot be obeyed is reported, all of them at once, and the exit code is 2.";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before anything else: the logs and the breakers read the environment as soon as they are there.
    let problems = read_dotenv();
    // What a single command has to say of an outage stands in its answer.
    let serves = matches!(arguments.command, Command::Serve { .. });
    start_logs(if serves { "info" } else { "error,breaker_core::log=off" });
    let config = match settings(problems) {
        Ok(config) => config,
        Err(problems) => {
            complain(&problems);
            return ExitCode::from(2);
        }
    };
    match run(arguments.command, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&[with_causes(&*error)]);
            ExitCode::FAILURE
        }
    }
}

/// Reads `.env`, and gives what is wrong with it.
fn read_dotenv() -> Vec<String> {
    match dotenvy::dotenv() {
        Err(error) if error.not_found() => Vec::new(),
        // Its own words would repeat the line, and with it perhaps a password.
        Err(dotenvy::Error::LineParse(_, at)) => vec![format!(".env: a line cannot be read, at its character {at}")],
        Err(error) => vec![format!(".env: {error}")],
        Ok(_) => Vec::new(),
    }
}

/// Reads the environment, and gives every problem at once, after those that there were before.
fn settings(mut problems: Vec<String>) -> Result<SearchConfig, Vec<String>> {
    if let Err(errors) = Registry::global().init() {
        problems.extend(errors.to_string().lines().map(str::to_owned));
    }
    match SearchConfig::read(|name| env::var(name).ok()) {
        Ok(config) if problems.is_empty() => Ok(config),
        Ok(_) => Err(problems),
        Err(more) => Err(problems.into_iter().chain(more).collect()),
    }
}

#[expect(clippy::print_stderr, reason = "a person reads this before there are logs")]
fn complain(problems: &[String]) {
    eprintln!("The code search cannot run:");
    problems.iter().for_each(|problem| eprintln!("  - {problem}"));
}

/// An error's text with those of the errors behind it, as far as they say something new.
fn with_causes(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |&error| error.source()).map(ToString::to_string);
    causes.fold(error.to_string(), |told, cause| if told.contains(&cause) { told } else { format!("{told}: {cause}") })
}

fn start_logs(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours).init();
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
    if indexed.forgotten > 0 {
        println!("{} files are gone, and forgotten.", indexed.forgotten);
    }
    indexed.skipped.iter().for_each(|skipped| println!("Skipped {skipped}"));
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
fn show_answer(answer: &Answer, milliseconds: f64) {
    for (place, hit) in answer.hits.iter().enumerate() {
        let chunk = &hit.chunk;
        println!("{}. {}  {}:{}", place + 1, chunk.name, chunk.file_path, chunk.start_line);
    }
    if answer.hits.is_empty() {
        println!("Nothing found. (`index PATH` tells what there is to find.)");
    }
    let from = answer.cached.map_or(String::new(), |level| format!(", from cache {level}"));
    println!("({milliseconds:.1} ms{from})");
    if let Some(why) = &answer.degraded {
        println!("By the words alone: {why}.");
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

/// Keeps the service running until Ctrl-C.
#[expect(clippy::print_stdout, reason = "a person wants to know where to send queries")]
async fn serve(code: CodeIndexingService, port: u16) -> Result<(), Box<dyn Error>> {
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
Ctrl-C ends it."#
    );
    tokio::select! {
        () = service.stopped() => Err("the service stopped".into()),
        pressed = tokio::signal::ctrl_c() => Ok(pressed?),
    }
}
