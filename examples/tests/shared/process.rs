//! Runs a service in a process of its own and sends it signals, for the tests of both services.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The longest wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service; dropping it kills it.
pub(crate) struct Process {
    child: Child,
    /// Its address.
    pub(crate) address: String,
}

impl Process {
    /// Starts an example, which prints its address. `limits` are commands of the shell that starts
    /// it.
    pub(crate) fn start(example: &str, limits: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new("bash")
            .args(["-c", &format!("{limits} exec \"$0\" \"$@\"")])
            .arg(program(example))
            .args(arguments)
            .env("RUST_LOG", "off")
            .envs(variables.iter().copied())
            // A directory without a `.env`.
            .current_dir(env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash is there");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let (_, address) = line.split_once(" listens on http://")?;
            Some(address.split_whitespace().next()?.trim_end_matches('.').to_owned())
        });
        // A full pipe would block it at some time.
        thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.expect("it says where it listens") }
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("`kill` is there").success());
    }

    /// Waits until it has ended.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is a child of this process") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The example's program. Cargo builds it beside the tests, except when it builds a single test.
pub(crate) fn program(example: &str) -> PathBuf {
    let this = env::current_exe().expect("a test knows where it is");
    let built =
        this.parent().and_then(|deps| deps.parent()).expect("tests are in `deps`").join("examples").join(example);
    if !built.exists() {
        let cargo = Command::new(env!("CARGO")).args(["build", "-q", "--example", example]).status();
        assert!(cargo.expect("cargo is there").success());
    }
    built
}
