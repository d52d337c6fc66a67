//! Runs the real assistant in a process of its own, takes its API down, and asks it questions.

use crate::Trouble;
use reqwest::Client;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const START: Duration = Duration::from_secs(20);

/// The address in the printed lines after `--admin-port`.
const ADMIN: &str = "/upstream/recovery'";

/// A running `assistant --serve`; dropping it ends it.
#[derive(Debug)]
pub struct Assistant {
    /// Its address: `http://127.0.0.1:PORT`.
    pub origin: String,
    /// The dashboard's address, from its output.
    pub dashboard: String,
    admin: String,
    client: Client,
    process: Child,
}

impl Assistant {
    /// Starts it on a port (0: any free one), with these variables and no others of its own.
    ///
    /// # Errors
    /// It cannot be built, or does not print its address within 20 seconds.
    pub async fn start(port: u16, variables: &[(&str, &str)]) -> Result<Self, Trouble> {
        let mut process = Command::new(program().await?)
            .args(["--serve", "--admin-port", "0", "--port", &port.to_string()])
            .env_remove("DASHBOARD_TOKEN")
            .env("RUST_LOG", "off")
            .envs(variables.iter().copied())
            // A directory without a user's `.env`.
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("the process has no output")?;
        let mut lines = BufReader::new(output).lines();
        let (mut dashboard, mut admin) = (None, None);
        while admin.is_none() {
            let line = timeout(START, lines.next_line()).await??.ok_or("the assistant ended at once")?;
            let address =
                line.split_whitespace().map(|word| word.trim_matches('\'')).find(|word| word.starts_with("http://"));
            let Some(address) = address else { continue };
            if dashboard.is_none() {
                dashboard = Some(address.to_owned());
            }
            if line.ends_with(ADMIN) {
                admin = address.strip_suffix("/upstream/recovery").map(str::to_owned);
            }
        }
        // A pipe without a reader would block it at some time.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let dashboard = dashboard.ok_or("the dashboard's address was not printed")?;
        let origin = dashboard.strip_suffix("/dashboard").ok_or("the dashboard is elsewhere")?.to_owned();
        Ok(Self {
            origin,
            dashboard,
            admin: admin.unwrap_or_default(),
            client: Client::builder().no_proxy().build()?,
            process,
        })
    }

    /// The port on which it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.origin.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0)
    }

    /// Takes its API down: `errors`, `hang`, `refuse` and so on.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn outage(&self, kind: &str) -> Result<(), Trouble> {
        self.order(&format!("outage?kind={kind}")).await
    }

    /// Brings its API back.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn recovery(&self) -> Result<(), Trouble> {
        self.order("recovery").await
    }

    async fn order(&self, what: &str) -> Result<(), Trouble> {
        self.client.post(format!("{}/upstream/{what}", self.admin)).send().await?.error_for_status()?;
        Ok(())
    }

    /// The breaker, from the service's health route.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn breaker(&self) -> Result<Value, Trouble> {
        Ok(self.client.get(format!("{}/health/circuit-breaker", self.origin)).send().await?.json().await?)
    }

    /// Asks questions, one in each interval, until the returned value is dropped.
    #[must_use]
    pub fn ask(&self, pace: Duration) -> Load {
        let (client, address) = (self.client.clone(), format!("{}/query", self.origin));
        Load(tokio::spawn(async move {
            let questions = ["How often do I feed the sourdough starter?", "When does my passport expire?"];
            let mut asked = tokio::task::JoinSet::new();
            let mut ticks = tokio::time::interval(pace);
            for (number, question) in questions.iter().cycle().enumerate() {
                ticks.tick().await;
                let body = json!({"query": question, "user_id": format!("user {}", number % 4)});
                let request = client.post(&address).json(&body);
                asked.spawn(async move { request.send().await.map(|reply| reply.status()) });
                while asked.try_join_next().is_some() {}
            }
        }))
    }

    /// Kills it, as a crash would.
    ///
    /// # Errors
    /// It could not be killed.
    pub async fn kill(mut self) -> Result<(), Trouble> {
        Ok(self.process.kill().await?)
    }
}

/// A loop of users' questions.
#[derive(Debug)]
pub struct Load(JoinHandle<()>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The example, built once as `cargo run --example assistant` builds it.
async fn program() -> Result<PathBuf, Trouble> {
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    let build = || async {
        let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let built = Command::new(env!("CARGO"))
            .args(["build", "-q", "--example", "assistant"])
            .current_dir(workspace)
            .status()
            .await?;
        if !built.success() {
            return Err::<_, Trouble>("the assistant cannot be built".into());
        }
        // .../target/debug/deps/TEST or .../target/debug/PROGRAM
        let own = std::env::current_exe()?;
        let found = own.ancestors().map(|place| place.join("examples/assistant")).find(|file| file.is_file());
        found.ok_or_else(|| "the assistant is not where cargo builds examples".into())
    };
    BUILT.get_or_try_init(build).await.cloned()
}
