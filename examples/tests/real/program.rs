//! Tests the assistant's program with a real server.

use std::{env, process::Command};

use breaker_servers::llama_sentence;

use crate::{llama::Llama, process::program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_variables_are_enough_for_an_answer() {
    let Some(llama) = Llama::start(&["api_keys=geheim"]).await else { return };
    let base = format!("http://127.0.0.1:{}/v1", llama.server.port);
    for (token, code, source) in [("geheim", 0, "model"), ("falsch", 0, "excerpts, because of failure")] {
        let mut command = Command::new(program("assistant"));
        command.args(["ask", "When does my passport expire?"]).current_dir(env::temp_dir());
        command.env("HF_API_URL", &base).env("HF_API_TOKEN", token);
        let asked = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let (answer, said) = (String::from_utf8_lossy(&asked.stdout), String::from_utf8_lossy(&asked.stderr));
        assert_eq!(asked.status.code(), Some(code), "{said}");
        assert!(said.contains(&format!("[source: {source}")), "{said}");
        assert_eq!(answer.trim_end() == llama_sentence(), token == "geheim", "{answer}");
        // The program reports a wrong key in the server's words and without the key.
        assert_eq!(said.contains("Invalid API Key"), token == "falsch", "{said}");
        assert!(!said.contains("geheim") && !said.contains("falsch"), "{said}");
    }
}
