//! Tests one question on the command line.

use std::process::{Command, Output};

use breaker_examples::assistant::upstream::Upstream;

use crate::{
    harness::{KNOWN, KNOWN_ANSWER},
    process::program,
};

/// Asks the embedded API, or the one that the variables name.
fn ask(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program("assistant"));
    // A directory without a `.env`.
    command.arg("ask").args(arguments).envs(variables.iter().copied()).current_dir(std::env::temp_dir());
    command.output().expect("it runs")
}

/// The exit code, the standard output and the standard error.
fn seen(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("nobody kills it"), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_answer_is_on_the_standard_output_alone() {
    let (code, answer, said) = seen(&ask(&[KNOWN], &[]));
    assert!(answer.starts_with(KNOWN_ANSWER) && answer.lines().count() == 1, "{answer}");
    let source = "[source: model, embedded/note-reader; notes: Sourdough starter]";
    assert_eq!((code, said.lines().collect::<Vec<_>>()), (0, vec![source, "[done: stop]"]));
}

#[test]
fn an_api_that_dies_in_mid_sentence_is_told_of() {
    for (outage, what) in [("cut", "broke off"), ("break", "broke off"), ("error_event", "failed")] {
        let (code, answer, said) = seen(&ask(&[KNOWN, "--outage", outage], &[]));
        assert_eq!(code, 1, "{outage}");
        let (first, rest) = answer.split_once('\n').expect("there are two texts");
        assert_eq!(first, "Feed the sourdough", "{outage}");
        assert!(rest.starts_with("The answer broke off.") && rest.contains(KNOWN_ANSWER), "{rest}");
        let cut = format!("[cut: the API {what} in the middle of its answer; the text is not complete]");
        assert_eq!(said.lines().skip(1).collect::<Vec<_>>(), [cut.as_str(), "[instead of the rest, from excerpts]"]);
    }
}

#[test]
fn another_answer_is_begun_where_it_is_asked_for() {
    let (code, answer, said) = seen(&ask(&[KNOWN, "--outage", "cut", "--again"], &[]));
    assert_eq!((code, answer.matches("Feed the sourdough\n").count()), (1, 2), "{answer}");
    assert_eq!(said.matches("[another answer, from its beginning]").count(), 1, "{said}");
}

#[test]
fn an_api_that_is_away_has_excerpts_in_its_place() {
    let (code, answer, said) = seen(&ask(&[KNOWN, "--outage", "errors"], &[("HF_ATTEMPTS", "1")]));
    assert!(code == 0 && answer.contains(KNOWN_ANSWER), "{code}: {answer}");
    let words = "the text-generation API answered 500: scripted outage";
    assert!(said.starts_with(&format!("[source: excerpts, because of failure ({words}); notes: ")), "{said}");
}

#[test]
fn what_cannot_be_asked_is_told() {
    let (code, answer, said) = seen(&ask(&[""], &[]));
    assert_eq!((code, answer.as_str()), (1, ""));
    assert!(said.contains("the question is empty"), "{said}");
    let (code, _, said) = seen(&ask(&[KNOWN, "--outage", "cut"], &[("HF_USE_API", "false")]));
    assert!(code == 1 && said.contains("--outage is for the embedded API"), "{code}: {said}");
}

#[test]
fn the_local_model_tells_its_answer_too() {
    let (code, answer, said) = seen(&ask(&[KNOWN], &[("HF_USE_API", "false")]));
    assert!(code == 0 && answer.contains(KNOWN_ANSWER), "{code}: {answer}");
    assert!(said.starts_with("[source: local_model; notes: Sourdough starter]\n[done]\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_variables_are_enough_to_ask_a_server_of_ones_own() {
    let upstream = Upstream::start(0).await.expect("a loopback port is free");
    let base = format!("{}/v1", upstream.url());
    let asked =
        tokio::task::spawn_blocking(move || ask(&[KNOWN], &[("HF_API_URL", &base), ("HF_MODEL", "note-reader")]));
    let (code, answer, said) = seen(&asked.await.expect("it does not panic"));
    assert!(code == 0 && answer.starts_with(KNOWN_ANSWER), "{code}: {answer}");
    let provider = upstream.url().replace("http://", "");
    assert!(said.starts_with(&format!("[source: model, {provider}/note-reader; ")), "{said}");
}
