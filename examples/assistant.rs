//! Runs the assistant, a service with an annotated method that survives its upstream's outage.
//!
//! `cargo run --example assistant` plays the story, `-- --serve` keeps the service running,
//! `-- --help` explains.

mod start;

use std::{error::Error, io, process::ExitCode, time::Duration};

use breaker_examples::assistant::{
    ask::show,
    config::{AssistantConfig, Backend},
    question::Wish,
    service::{Assistant, Service, listen},
    story::{self, HEALTHY, Plot},
    upstream::{Upstream, admin},
};
use clap::{Args, Parser, Subcommand};

/// An assistant that answers questions from notes, and keeps answering while its text-generation
/// API is down.
///
/// Without arguments it plays a story of about 45 seconds. The service and its API start on
/// loopback ports, so no network is needed. Users ask at a steady pace while the API fails in three
/// ways and recovers: with the breaker, without it, and with a second provider. Then a streamed
/// answer breaks off, and a table compares the acts.
#[derive(Debug, Parser)]
#[command(after_long_help = SETTINGS, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Keep the service running, and print curl commands to try
    #[arg(long)]
    serve: bool,
    /// The service's port; 0 takes any free one
    #[arg(long, default_value_t = 8080, requires = "serve")]
    port: u16,
    /// The port that takes the embedded API down and brings it back; 0 takes any free one
    #[arg(long, default_value_t = 8081, requires = "serve")]
    admin_port: u16,
    /// The length of the story's outage in seconds
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u64).range(3..=60), conflicts_with = "serve")]
    seconds: u64,
    /// End the story when the breaker closes for the first time; exit code 1 if it never does
    #[arg(long, conflicts_with = "serve")]
    until_recovery: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask one question, and see its answer as it is written
    ///
    /// The answer goes to the standard output. Its source, how it ends and what goes wrong go to
    /// the standard error. The exit code is 0 for an answer, also of a fallback, and 1 for one that
    /// broke off.
    #[command(after_long_help = SETTINGS)]
    Ask(Ask),
}

#[derive(Debug, Args)]
struct Ask {
    /// The question
    question: String,
    /// Who asks
    #[arg(long, default_value = "you")]
    user: String,
    /// Begin another answer if this one breaks off
    #[arg(long)]
    again: bool,
    /// How the embedded API fails while it answers
    #[arg(long, value_enum)]
    outage: Option<admin::Kind>,
}

const SETTINGS: &str = "\
Settings come from the environment and from a file `.env` (examples/.env.example lists all of them):
  HF_API_URL=http://localhost:11434/v1     a real text-generation API for --serve and ask; else the embedded one
  HF_API_TOKEN, HF_MODEL                   its key and its model; without an address, those of Hugging Face's router
  HF_API_KIND=chat                         its protocol: chat, completions, text_generation or tgi
  HF_FALLBACK_API_URL, ..                  a second provider, asked when the first one fails
  HF_USE_API=false                         the local model instead: no API and no breaker
  DASHBOARD_TOKEN                          the token for actions on the dashboard; without it the dashboard only shows
  HUGGINGFACE_API_CIRCUIT_FAIL_MAX=3       and every other key of the breaker, for --serve and the story
All invalid settings are reported at once, and the exit code is 2.";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The story and `ask` report these themselves; log lines would break up the time line and the
    // answer.
    let level =
        if arguments.serve { "info" } else { "warn,breaker_core::log=off,breaker_examples::assistant::telling=off" };
    let mut code = ExitCode::SUCCESS;
    let started = start::start(
        "assistant",
        level,
        |lookup| AssistantConfig::read(lookup),
        |config| {
            code = run(&arguments, config)?;
            Ok(())
        },
    );
    if started == ExitCode::SUCCESS { code } else { started }
}

#[tokio::main]
async fn run(arguments: &Arguments, config: AssistantConfig) -> Result<ExitCode, Box<dyn Error>> {
    match &arguments.command {
        Some(Command::Ask(asked)) => return ask(asked, config).await,
        None if arguments.serve => serve(arguments, config).await?,
        None => {
            let plot = Plot::with_outage(Duration::from_secs(arguments.seconds));
            story::tell(&Plot { until_recovery: arguments.until_recovery, ..plot }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks one question, and shows the result.
async fn ask(asked: &Ask, config: AssistantConfig) -> Result<ExitCode, Box<dyn Error>> {
    let embedded = if config.backend.is_none() { Some(Upstream::start(0).await?) } else { None };
    match (&embedded, asked.outage) {
        (Some(upstream), outage) => upstream.handle().behave(outage.map_or(HEALTHY, admin::Kind::behaviour)).await,
        (None, None) => {}
        (None, Some(_)) => {
            return Err("--outage is for the embedded API: without HF_API_URL, HF_API_TOKEN and HF_USE_API".into());
        }
    }
    let url = embedded.as_ref().map(|upstream| upstream.url().parse()).transpose()?;
    let assistant = Assistant::new(config, url)?;
    let question = assistant.question(asked.user.clone(), asked.question.clone(), Wish::SomethingNow);
    let pieces = assistant.tell(question.clone(), asked.again).await?;
    let why = |reason: &str| assistant.last_words(reason);
    match show(&question, pieces, why, &mut io::stdout(), &mut io::stderr()).await {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(ExitCode::FAILURE),
        // The reader has seen enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::FAILURE),
        Err(error) => Err(error.into()),
    }
}

/// Runs the service until it is asked to end, and answers the requests in flight then.
#[expect(clippy::print_stdout, reason = "a person wants to know where to send questions")]
async fn serve(arguments: &Arguments, config: AssistantConfig) -> Result<(), Box<dyn Error>> {
    let mut ending = start::Ending::listen()?;
    let embedded = if config.backend.is_none() { Some(Upstream::start(0).await?) } else { None };
    let backend = match &config.backend {
        Some(Backend::Api(endpoint)) => format!("the API at {}", endpoint.provider),
        Some(Backend::Local) => "the local model, without a breaker".to_owned(),
        None => "the embedded API".to_owned(),
    };
    let url = embedded.as_ref().map(|upstream| upstream.url().parse()).transpose()?;
    let mut service = Service::start(Assistant::new(config, url)?, arguments.port).await?;
    println!("Watch the breaker live, in a browser:\n  {}\n", service.dashboard());
    println!("The assistant listens on http://{} and asks {backend}.\n\n{}", service.address, lines_for(&service));
    if let Some(upstream) = &embedded {
        upstream.handle().behave(HEALTHY).await;
        let listener = listen(arguments.admin_port).await?;
        println!("{}", lines_for_outages(&listener.local_addr()?.to_string()));
        tokio::spawn(axum::serve(listener, admin::routes(upstream.handle(), HEALTHY)).into_future());
    }
    println!("Ctrl-C or SIGTERM ends it, after it has answered the requests in flight.");
    tokio::select! {
        () = service.stopped() => return Err("the service stopped".into()),
        () = ending.asked() => {}
    }
    ending.drain(service.drain()).await;
    Ok(())
}

fn lines_for(service: &Service) -> String {
    let address = service.address;
    format!(
        r#"Ask:
  curl -s http://{address}/query -H 'content-type: application/json' \
    -d '{{"query": "How often do I feed the sourdough starter?", "user_id": "ada", "include_metadata": true}}'
See the answer as it is written:
  curl -sN http://{address}/query/stream -H 'content-type: application/json' \
    -d '{{"query": "When do I replace the bicycle chain?", "user_id": "ada"}}'
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
Take the API down (kind: errors, limited, hang, refuse, slow, garbage, invalid or loading; cut, stall, break, comments or
error_event for streamed answers), and bring it back:
  curl -s -X POST 'http://{admin}/upstream/outage?kind=errors&seconds=60'
Have it refuse the key, as after a mistake in the settings (health says so at once):
  curl -s -X POST 'http://{admin}/upstream/outage?kind=errors&status=401&seconds=60'
  curl -s -X POST 'http://{admin}/upstream/recovery'
"
    )
}
