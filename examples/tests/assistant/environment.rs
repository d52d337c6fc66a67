//! Tests what the environment can change.
//!
//! The registry reads it when it creates the breaker, so each test is a process of its own.

use std::{
    env,
    process::{Command, Output},
};

use breaker_core::Registry;
use breaker_examples::assistant::{
    client::plain_client,
    config::AssistantConfig,
    service::breaker,
    upstream::{Behaviour, Upstream},
};
use serde_json::json;

use crate::{
    harness::{KNOWN, World},
    process::{Process, program},
    reply::send,
};

/// Set in the processes that the tests start.
const IS_CHILD: &str = "ASSISTANT_TEST_CHILD";

/// Runs the test of this name again, alone in a process with these variables.
pub(crate) fn run_with(test: &str, variables: &[(&str, &str)]) -> Output {
    let this = env::current_exe().expect("a test knows where it is");
    let mut command = Command::new(this);
    command.args(["--exact", test, "--nocapture"]).env(IS_CHILD, "1").envs(variables.iter().copied());
    command.output().expect("what runs now can be run again")
}

pub(crate) fn assert_success(child: &Output) {
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

pub(crate) fn is_child() -> bool {
    env::var_os(IS_CHILD).is_some()
}

/// Runs a test's body in a paused runtime of one thread, as `#[tokio::test(start_paused = true)]`
/// does.
pub(crate) fn paused(test: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().expect("a runtime can be made").block_on(test);
}

#[test]
fn the_environment_disables_the_breaker() {
    if !is_child() {
        let disabled = [("HUGGINGFACE_API_CIRCUIT_ENABLED", "false")];
        return assert_success(&run_with("environment::the_environment_disables_the_breaker", &disabled));
    }
    paused(async {
        Registry::global().load_env().expect("the variable is fine");
        let world = World::new().await;
        world.api.behave(Behaviour::Error(500)).await;
        for _ in 0..10 {
            assert_eq!(world.ask("ada", KNOWN).await.meta("fallback_reason"), "failure");
        }
        assert_eq!((world.breaker.state().as_str(), world.api.received()), ("disabled", 10));
    });
}

#[test]
fn the_environment_wins_over_the_attribute() {
    if !is_child() {
        let two = [("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", "2")];
        return assert_success(&run_with("environment::the_environment_wins_over_the_attribute", &two));
    }
    paused(async {
        Registry::global().load_env().expect("the variable is fine");
        let world = World::new().await;
        world.api.behave(Behaviour::Error(500)).await;
        for _ in 0..3 {
            world.ask("ada", KNOWN).await;
        }
        assert_eq!((world.breaker.state().as_str(), world.api.received()), ("open", 2));
    });
}

#[test]
fn every_bad_variable_is_reported_at_once() {
    if !is_child() {
        let bad =
            [("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", "banana"), ("HUGGINGFACE_API_CIRCUIT_RECOVERY_TIMEOUT", "5parsecs")];
        return assert_success(&run_with("environment::every_bad_variable_is_reported_at_once", &bad));
    }
    let problems = Registry::global().load_env().expect_err("two variables are bad").to_string();
    for part in ["HUGGINGFACE_API_CIRCUIT_FAIL_MAX", "banana", "HUGGINGFACE_API_CIRCUIT_RECOVERY_TIMEOUT", "5parsecs"] {
        assert!(problems.contains(part), "{problems}");
    }
}

/// The log does not report this, since its filter excludes WARN.
#[test]
fn what_is_odd_is_said_where_the_log_does_not_take_it() {
    let variables = [
        ("RUST_LOG", "error"),
        ("HUGINGFACE_API_CIRCUIT_FAIL_MAX", "3"),
        // So that it ends.
        ("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", "banana"),
    ];
    let ended = Command::new(program("assistant")).arg("--serve").envs(variables).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ended.stderr);
    for part in ["did you mean HUGGINGFACE_API_CIRCUIT_FAIL_MAX?", "add `breaker_core=info`", "is `banana`, expected"] {
        assert_eq!(said.matches(part).count(), 1, "{part}: {said}");
    }
}

#[test]
fn settings_of_the_api_that_cannot_be_obeyed_are_start_errors() {
    let variables = [
        ("HF_API_URL", "https://api-inference.huggingface.co/models/mistralai/Mistral-7B-Instruct-v0.3"),
        ("HF_API_TOKEN", "hf_AbCdEfGh IjKlMnOp"),
        ("HF_API_KIND", "grpc"),
        ("HF_FALLBACK_API_URL", "https://me:geheim@"),
        ("HF_ATTEMPTS", "0"),
        ("HF_FIRST_TOKEN_SECONDS", "0"),
        ("HF_TOKEN_GAP_SECONDS", "soon"),
        ("HF_ANSWER_SECONDS", "-1"),
    ];
    let ended = Command::new(program("assistant")).arg("--serve").envs(variables).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("expected https://router.huggingface.co/v1"), "{said}");
    for (variable, _) in variables {
        assert_eq!(said.matches(&format!("- {variable}: is `")).count(), 1, "{variable}: {said}");
    }
    assert!(!said.contains("hf_AbCd") && !said.contains("geheim"), "{said}");
}

#[test]
fn a_misspelt_variable_of_the_service_is_told() {
    // Another program's variable, and one whose correct name is set too: neither gets a warning.
    let fine = [("HF_HOME", "/tmp"), ("HF_TOP_P", "0.9"), ("HF_TOP_K", "5")];
    let variables = [("HF_FIRST_TOKENS_SECONDS", "3"), ("HF_ATEMPTS", "1")];
    let mut ask = Command::new(program("assistant"));
    let ended = ask.args(["ask", KNOWN]).envs(variables).envs(fine).output().expect("it runs");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    let told = "HF_FIRST_TOKENS_SECONDS: is not a setting of this service; did you mean `HF_FIRST_TOKEN_SECONDS`?";
    assert!(
        said.contains(told)
            && said.contains("HF_ATEMPTS: is not a setting of this service; did you mean `HF_ATTEMPTS`?"),
        "{said}"
    );
    assert_eq!(said.matches("did you mean").count(), 2, "{said}");
}

#[test]
fn the_limits_of_a_stream_are_settings() {
    let set = [("HF_FIRST_TOKEN_SECONDS", "60"), ("HF_TOKEN_GAP_SECONDS", "30"), ("HF_ANSWER_SECONDS", "600")];
    let value = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let limits = AssistantConfig::read(value).expect("they are fine").limits;
    assert_eq!([limits.first_token, limits.token_gap, limits.answer].map(|limit| limit.as_secs()), [60, 30, 600]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_variables_are_enough_for_a_server_of_ones_own() {
    let upstream = Upstream::start(0).await.expect("a loopback port is free");
    let base = format!("{}/v1", upstream.url());
    let variables = [("HF_API_URL", base.as_str()), ("HF_MODEL", "note-reader")];
    let assistant = Process::start("assistant", "", &["--serve", "--port", "0"], &variables);
    let question = json!({"query": KNOWN, "user_id": "ada", "include_metadata": true});
    let client = plain_client().build().expect("it needs nothing");
    let reply = send(client.post(format!("http://{}/query", assistant.address)).json(&question)).await;
    assert_eq!((reply.status.as_u16(), reply.meta("source")), (200, &"model".into()), "{}", reply.body);
    let provider = reply.meta("provider").as_str().expect("it says whose it is");
    assert_eq!(format!("http://{provider}"), format!("{}/note-reader", upstream.url()));
}

/// The lines of `.env.example` that set a variable, without their `#`; the address in it is not
/// contacted.
fn example_file() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../../.env.example").lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    lines.filter(|(name, _)| is_name(name) && *name != "HF_API_URL").collect()
}

#[test]
fn the_example_file_shows_the_defaults() {
    if !is_child() {
        return assert_success(&run_with("environment::the_example_file_shows_the_defaults", &example_file()));
    }
    Registry::global().load_env().expect("every line is fine");
    assert_eq!(AssistantConfig::read(|name| env::var(name).ok()), Ok(AssistantConfig::default()));
    let breaker = breaker().expect("annotated functions register their breakers");
    let shown = breaker.settings();
    let mut keys = 0;
    for (key, source) in breaker.setting_sources() {
        assert!(source.to_string().starts_with("environment"), "{key} is missing in the file");
        keys += 1;
    }
    assert!(keys > 0 && shown.fail_max == Some(5) && shown.recovery_timeout.as_secs() == 30);
}
