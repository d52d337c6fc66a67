//! The assistant: a service with an annotated method that lives through its upstream's outage.
//!
//! `cargo run --example assistant` tells the story, `-- --serve` keeps the service running, `-- --help` explains.

use std::{env, error::Error, io, io::IsTerminal as _, iter, process::ExitCode, time::Duration};

use breaker_core::Registry;
use breaker_examples::assistant::{
    config::{AssistantConfig, Backend},
    service::{Assistant, Service, listen},
    story::{self, HEALTHY, Plot},
    upstream::{Upstream, admin},
};
use clap::Parser;
use tracing_subscriber::EnvFilter;

/// An assistant that answers questions from notes, and keeps answering while its text-generation API is down.
///
/// Without arguments it tells a story of about 40 seconds: the service and an API of its own start on loopback ports, a
/// steady load of questions comes in, the API fails in three ways and comes back; then the same again without the
/// breaker, and a table that compares the two. No network is needed.
#[derive(Debug, Parser)]
#[command(after_long_help = SETTINGS)]
struct Arguments {
    /// Keep the service running, and print the curl lines to play with
    #[arg(long)]
    serve: bool,
    /// The service's port; 0 takes any free one
    #[arg(long, default_value_t = 8080, requires = "serve")]
    port: u16,
    /// The port on which the embedded API takes orders; 0 takes any free one
    #[arg(long, default_value_t = 8081, requires = "serve")]
    admin_port: u16,
    /// The length of the story's outage in seconds
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u64).range(3..=60), conflicts_with = "serve")]
    seconds: u64,
}

const SETTINGS: &str = "\
Settings come from the environment and from a file `.env` (examples/.env.example lists all of them):
  HF_API_URL, HF_API_TOKEN                 a real text-generation API for --serve; else the embedded one is used
  HF_USE_API=false                         the local model for --serve: no API and no breaker
  HUGGINGFACE_API_CIRCUIT_FAIL_MAX=3       and every other key of the breaker, for --serve and the story
A setting that cannot be obeyed is reported, all of them at once, and the exit code is 2.";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before anything else: the logs and the breaker read the environment as soon as they are there.
    let problems = read_dotenv();
    // The story tells of the breaker itself; saying it twice would tear the time line apart.
    start_logs(if arguments.serve { "info" } else { "warn,breaker_core::log=off" });
    let config = match settings(problems) {
        Ok(config) => config,
        Err(problems) => {
            complain(&problems);
            return ExitCode::from(2);
        }
    };
    match run(&arguments, config) {
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
        // Its own words would repeat the line, and with it perhaps the token.
        Err(dotenvy::Error::LineParse(_, at)) => vec![format!(".env: a line cannot be read, at its character {at}")],
        Err(error) => vec![format!(".env: {error}")],
        Ok(_) => Vec::new(),
    }
}

/// Reads the environment, and gives every problem at once, after those that there were before.
fn settings(mut problems: Vec<String>) -> Result<AssistantConfig, Vec<String>> {
    if let Err(errors) = Registry::global().init() {
        problems.extend(errors.to_string().lines().map(str::to_owned));
    }
    match AssistantConfig::read(|name| env::var(name).ok()) {
        Ok(config) if problems.is_empty() => Ok(config),
        Ok(_) => Err(problems),
        Err(more) => Err(problems.into_iter().chain(more.iter().map(ToString::to_string)).collect()),
    }
}

#[expect(clippy::print_stderr, reason = "a person reads this before there are logs")]
fn complain(problems: &[String]) {
    eprintln!("The assistant cannot run:");
    problems.iter().for_each(|problem| eprintln!("  - {problem}"));
}

/// An error's text with those of the errors behind it.
fn with_causes(error: &dyn Error) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn start_logs(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours).init();
}

#[tokio::main]
async fn run(arguments: &Arguments, config: AssistantConfig) -> Result<(), Box<dyn Error>> {
    if arguments.serve {
        return serve(arguments, config).await;
    }
    Ok(story::tell(&Plot::with_outage(Duration::from_secs(arguments.seconds))).await?)
}

/// Keeps the service running until Ctrl-C.
#[expect(clippy::print_stdout, reason = "a person wants to know where to send questions")]
async fn serve(arguments: &Arguments, config: AssistantConfig) -> Result<(), Box<dyn Error>> {
    let embedded = if config.backend.is_none() { Some(Upstream::start(0).await?) } else { None };
    let backend = match &config.backend {
        Some(Backend::Api { url, .. }) => format!("the API at {}", url.host_str().unwrap_or("?")),
        Some(Backend::Local) => "the local model, without a breaker".to_owned(),
        None => "the embedded API".to_owned(),
    };
    let url = embedded.as_ref().map(|upstream| upstream.url().parse()).transpose()?;
    let service = Service::start(Assistant::new(config, url)?, arguments.port).await?;
    println!("The assistant listens on http://{} and asks {backend}.\n\n{}", service.address, lines_for(&service));
    if let Some(upstream) = &embedded {
        upstream.handle().behave(HEALTHY).await;
        let listener = listen(arguments.admin_port).await?;
        println!("{}", lines_for_outages(&listener.local_addr()?.to_string()));
        tokio::spawn(axum::serve(listener, admin::routes(upstream.handle(), HEALTHY)).into_future());
    }
    println!("Ctrl-C ends it.");
    tokio::select! {
        () = service.stopped() => Err("the service stopped".into()),
        pressed = tokio::signal::ctrl_c() => Ok(pressed?),
    }
}

fn lines_for(service: &Service) -> String {
    let address = service.address;
    format!(
        r#"Ask:
  curl -s http://{address}/query -H 'content-type: application/json' \
    -d '{{"query": "How often do I feed the sourdough starter?", "user_id": "ada", "include_metadata": true}}'
Ask, and wait in the queue if the API is down (then GET /query/jobs/JOB_ID):
  curl -s http://{address}/query -H 'content-type: application/json' \
    -d '{{"query": "When does my passport expire?", "user_id": "ada", "queue": true}}'
Look at the breaker:
  curl -s http://{address}/health/circuit-breaker
"#
    )
}

fn lines_for_outages(admin: &str) -> String {
    format!(
        "\
Take the API down (kind: errors, hang, refuse, slow, garbage, invalid or loading), and bring it back:
  curl -s -X POST 'http://{admin}/upstream/outage?kind=errors&seconds=60'
  curl -s -X POST 'http://{admin}/upstream/recovery'
"
    )
}
