//! Starts llama.cpp's HTTP server, with a model of 160 kB that the test writes.

mod gguf;
mod model;

pub use self::model::llama_sentence;

use crate::process::{How, Server, directory, free_port};
use crate::python::python;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

/// Reads llama.cpp's parameters from its arguments.
const STARTER: &str = include_str!("llama/server.py");

impl Server {
    /// A llama.cpp whose model says [`llama_sentence`] to everything, or `None` where it is not
    /// installed.
    ///
    /// `settings` are parameters of llama.cpp in the form `name=value`, with the names of
    /// xllamacpp's `CommonParams`: `n_parallel=1`, `n_ctx=512`, `api_keys=secret`,
    /// `sse_ping_interval=1`.
    ///
    /// # Panics
    ///
    /// When the disk is full.
    pub async fn llama(settings: &[&str]) -> Option<Self> {
        let python = python("llama")?;
        let set = settings.iter().find_map(|setting| setting.strip_prefix("port=")?.parse().ok());
        let (port, directory) = (set.unwrap_or_else(free_port), directory());
        let (starter, file) = (directory.path().join("server.py"), directory.path().join("model.gguf"));
        fs::write(&starter, STARTER).expect("there is room");
        fs::write(&file, model::model()).expect("there is room");
        let mut command = Command::new(python);
        command.arg(starter).arg(format!("model.path={}", file.display())).arg(format!("port={port}"));
        command.args(["warmup=false", "cpuparams.n_threads=1", "endpoint_slots=true"]).args(settings);
        command.current_dir(directory.path());
        Some(Self::start(command, port, directory, How { end: "KILL", answers: llama_answers }).await)
    }
}

/// Whether it has loaded its model.
fn llama_answers(port: u16) -> bool {
    let asked = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    asked().is_ok_and(|answer| answer == *b"HTTP/1.1 200")
}
