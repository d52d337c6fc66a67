//! Starts and ends each service: `.env`, logs, settings, error messages for the user, and signals.

use std::{cell::RefCell, env, error::Error, io, io::IsTerminal as _, iter, process::ExitCode, time::Duration};

use breaker_core::{ConfigErrorKind, Registry, Report};
use tracing::Level;
use tracing_subscriber::EnvFilter;

/// The longest wait for requests in flight: Kubernetes kills a process 30 s after it has asked it
/// to end.
const DRAIN: Duration = Duration::from_secs(25);

/// Returns the value of a variable.
pub(crate) type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

/// Reads the settings and runs the service, with logs from `level` on. Exit code 2: a setting is
/// invalid.
pub(crate) fn start<C, P: ToString>(
    service: &str,
    level: &str,
    read: impl Fn(Lookup<'_>) -> Result<C, Vec<P>>,
    run: impl FnOnce(C) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    // First of all: the logs and the breakers read the environment when they are created.
    let mut problems = read_dotenv();
    start_logs(level);
    match Registry::global().load_env() {
        Ok(report) => warn(&report),
        Err(errors) => {
            warn(errors.report());
            problems.extend(errors.iter().map(ToString::to_string));
        }
    }
    // All problems at once.
    warn_of_misspelt(|lookup| drop(read(lookup)));
    let config = match read(&|name| env::var(name).ok()) {
        Ok(config) => Some(config),
        Err(more) => {
            problems.extend(more.iter().map(ToString::to_string));
            None
        }
    };
    let Some(config) = config.filter(|_| problems.is_empty()) else {
        complain(service, &problems);
        return ExitCode::from(2);
    };
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(service, &[with_causes(&*error)]);
            ExitCode::FAILURE
        }
    }
}

/// Warns of unknown variables that differ by at most two letters from an unset one that `read` asks
/// for. They may be another program's, so they are no error.
#[expect(clippy::print_stderr, reason = "the log does not take it")]
fn warn_of_misspelt(read: impl Fn(Lookup<'_>)) {
    let known = RefCell::new(Vec::new());
    read(&|name| {
        known.borrow_mut().push(name.to_owned());
        None
    });
    let known = known.into_inner();
    let is_near = |name: &str, known: &str| (1..=2).contains(&strsim::osa_distance(name, known));
    for name in env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| !known.contains(name)) {
        let Some(meant) = known.iter().find(|known| is_near(&name, known) && env::var_os(known).is_none()) else {
            continue;
        };
        if tracing::enabled!(Level::WARN) {
            tracing::warn!("{name}: is not a setting of this service; did you mean `{meant}`?");
        } else {
            eprintln!("{name}: is not a setting of this service; did you mean `{meant}`?");
        }
    }
}

/// Reads `.env`, and returns what is wrong with it.
fn read_dotenv() -> Vec<String> {
    match dotenvy::dotenv() {
        Err(error) if error.not_found() => Vec::new(),
        // The error's own text would repeat the line, and perhaps a secret in it.
        Err(dotenvy::Error::LineParse(_, at)) => vec![format!(".env: a line cannot be read, at its character {at}")],
        Err(error) => vec![format!(".env: {error}")],
        Ok(_) => Vec::new(),
    }
}

fn start_logs(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let colours = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(colours).init();
}

/// Prints warnings about the settings that the log has not shown, and those that the operator's own
/// filter keeps out of the log.
#[expect(clippy::print_stderr, reason = "the log does not take it")]
fn warn(report: &Report) {
    let is_logged = tracing::enabled!(target: "breaker_core::configuration", Level::WARN);
    let is_own_filter = env::var_os(EnvFilter::DEFAULT_ENV).is_some();
    for warning in report.warnings() {
        let is_told = if warning.kind() == ConfigErrorKind::Logs { !is_own_filter } else { is_logged };
        if !is_told {
            eprintln!("{warning}");
        }
    }
}

#[expect(clippy::print_stderr, reason = "a person reads this before there are logs")]
fn complain(service: &str, problems: &[String]) {
    eprintln!("The {service} cannot run:");
    problems.iter().for_each(|problem| eprintln!("  - {problem}"));
}

/// An error's text with those of its sources, as far as they add something.
fn with_causes(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |&error| error.source()).map(ToString::to_string);
    causes.fold(error.to_string(), |told, cause| if told.contains(&cause) { told } else { format!("{told}: {cause}") })
}

/// The signals that ask a service to end: Ctrl-C, or `SIGTERM`, which systemd, Docker and
/// Kubernetes send.
#[derive(Debug)]
pub(crate) struct Ending {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Ending {
    /// Listens from now on, before the service reports its address.
    pub(crate) fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits until the service is asked to end.
    pub(crate) async fn asked(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        // An error means that there are no signals to wait for, and the service could never end.
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }

    /// Waits until the requests in flight are answered, but not forever; a second signal ends it at
    /// once.
    pub(crate) async fn drain(mut self, answered: impl Future<Output = ()>) {
        tracing::info!("no new requests are accepted, and requests in flight are answered");
        tokio::select! {
            () = answered => {}
            () = tokio::time::sleep(DRAIN) => tracing::warn!("requests without an answer after {DRAIN:?} are cancelled"),
            () = self.asked() => tracing::warn!("second signal to end: requests in flight are cancelled"),
        }
    }
}
