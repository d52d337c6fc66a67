//! Starts a Prometheus on a free port, which ends with the test.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, Url};
use serde_json::Value;
use tempfile::TempDir;

/// The longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Prometheus {
    process: Child,
    port: u16,
    client: Client,
    directory: TempDir,
}

impl Prometheus {
    /// A Prometheus that scrapes `target` five times a second, with these rules.
    pub(crate) async fn watch(client: Client, target: &str, rules: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rules.yml"), rules).unwrap();
        let config = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}\n\
             rule_files: [rules.yml]\n\
             scrape_configs: [{{job_name: assistant, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        fs::write(directory.path().join("prometheus.yml"), config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = start(directory.path(), port);
        let mut prometheus = Self { process, port, client, directory };
        let begun = Instant::now();
        while prometheus.get("-/ready", &[]).await.is_none_or(|ready| !ready.contains("Ready")) {
            let ended = prometheus.process.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "no Prometheus: {ended:?}\n{}", prometheus.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        prometheus
    }

    /// Waits until the query returns at least one sample, and all samples pass `fits`. It calls
    /// `meanwhile` in a loop, so that there is something to see.
    pub(crate) async fn until(&self, query: &str, fits: impl Fn(f64) -> bool, mut meanwhile: impl AsyncFnMut()) {
        let begun = Instant::now();
        loop {
            meanwhile().await;
            let samples = self.query(query).await;
            if !samples.is_empty() && samples.iter().all(|sample| fits(*sample)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "`{query}` gives {samples:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The query's current values.
    pub(crate) async fn query(&self, query: &str) -> Vec<f64> {
        let Some(text) = self.get("api/v1/query", &[("query", query)]).await else { return Vec::new() };
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["status"], "success", "`{query}`: {answer}");
        let samples = answer["data"]["result"].as_array().unwrap();
        samples.iter().map(|sample| sample["value"][1].as_str().unwrap().parse().unwrap()).collect()
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Option<String> {
        let url = Url::parse_with_params(&format!("http://127.0.0.1:{}/{path}", self.port), parameters).unwrap();
        self.client.get(url).send().await.ok()?.text().await.ok()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

fn start(directory: &Path, port: u16) -> Child {
    let log = fs::File::create(directory.join("log")).unwrap();
    Command::new("prometheus")
        .current_dir(directory)
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("prometheus runs (Debian: apt-get install prometheus)")
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
