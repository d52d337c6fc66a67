//! Runs the examples of the README, and holds its numbers against the documents that it names.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;
#[path = "common/http.rs"]
mod http_server;
#[path = "common/tls.rs"]
mod tls;

use std::fs;
use std::path::Path;

const README: &str = include_str!("../../README.md");

/// The code of this language, block by block.
fn blocks(document: &'static str, language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    document.split(opening.as_str()).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The part under this heading.
fn section(heading: &str) -> &'static str {
    let (_, after) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    after.split("\n## ").next().unwrap()
}

#[test]
fn each_example_is_one_of_those_below() {
    let without_indent = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let here = without_indent(include_str!("readme.rs"));
    let blocks = blocks(README, "rust");
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        assert!(here.contains(&without_indent(block)), "not in tests/tests/readme.rs:\n{block}");
    }
}

#[test]
fn it_is_short() {
    assert!(README.lines().count() <= 180);
}

#[test]
fn each_number_is_in_the_document_that_its_sentence_names() {
    let numbers = |text: &'static str| {
        let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_matches('.'));
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    let bullets: Vec<_> = section("Why another one").split("\n- ").skip(1).collect();
    assert_eq!(bullets.len(), 5);
    for bullet in bullets {
        let (text, link) = bullet.split_once("([").unwrap();
        let document = match link {
            link if link.starts_with("COMPARE](COMPARE.md)") => include_str!("../../COMPARE.md"),
            link if link.starts_with("BENCHMARKS](BENCHMARKS.md)") => include_str!("../../BENCHMARKS.md"),
            _ => panic!("no document is named: {link}"),
        };
        let known = numbers(document);
        let unknown: Vec<_> = numbers(text).into_iter().filter(|number| !known.contains(number)).collect();
        assert!(!numbers(text).is_empty() && unknown.is_empty(), "{text}: {unknown:?}");
    }
}

#[test]
fn each_link_of_a_readme_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for readme in ["README.md", "examples/README.md", "examples/code_search/README.md"] {
        let readme = root.join(readme);
        let text = fs::read_to_string(&readme).unwrap();
        let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let pictures = ["src=\"", "srcset=\""].into_iter().flat_map(|name| text.split(name).skip(1));
        let targets: Vec<_> = inline.chain(pictures.filter_map(|rest| rest.split('"').next())).collect();
        assert!(!targets.is_empty(), "{}", readme.display());
        for target in targets.into_iter().filter(|target| !target.starts_with("https://")) {
            let file = target.split('#').next().unwrap();
            assert!(file.is_empty() || readme.with_file_name(file).exists(), "{}: {target}", readme.display());
        }
    }
}

#[test]
fn each_page_of_the_guide_has_a_link() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let first_page = fs::read_to_string(root.join("breaker-core/src/lib.rs")).unwrap();
    let mut pages = 0;
    for page in fs::read_dir(root.join("docs/guide")).unwrap() {
        let page = page.unwrap().path();
        if page.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let name = page.file_stem().unwrap().to_str().unwrap();
        assert!(README.contains(&format!("](docs/guide/{name}.md)")), "README.md has no link to {name}");
        assert!(first_page.contains(&format!("](_guide::{name})")), "lib.rs of breaker-core has no link to {name}");
        pages += 1;
    }
    assert!(pages > 10);
}

mod first {
    use breaker_core::{circuit_breaker, fallback};

    #[circuit_breaker(name = "weather_api", fail_max = 5, timeout = "2s")]
    #[fallback(yesterday)]
    async fn weather(city: &str) -> std::io::Result<String> {
        Err(std::io::Error::other(format!("503 for {city}"))) // your call of the dependency
    }

    fn yesterday(city: &str) -> Option<String> {
        Some(format!("{city}: as yesterday"))
    }

    #[tokio::test(start_paused = true)]
    async fn yesterdays_weather_is_served_during_an_outage() {
        use breaker_core::testing;
        testing::isolated(async {
            testing::open(&testing::breaker("weather_api"));
            assert_eq!(weather("Oslo").await.unwrap(), "Oslo: as yesterday");
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_open_it_and_a_probe_after_30_s_decides() {
        use breaker_core::{State, testing};
        testing::isolated(async {
            let breaker = testing::breaker("weather_api");
            for _ in 0..5 {
                testing::assert_state(&breaker, State::Closed);
                weather("Oslo").await.unwrap_err();
            }
            testing::assert_state(&breaker, State::Open);
            assert_eq!(weather("Oslo").await.unwrap(), "Oslo: as yesterday");
            for _ in 0..2 {
                tokio::time::advance(super::common::ms(29_900)).await;
                testing::assert_state(&breaker, State::Open);
                tokio::time::advance(super::common::ms(100)).await;
                testing::assert_state(&breaker, State::HalfOpen);
                weather("Oslo").await.unwrap_err();
                testing::assert_state(&breaker, State::Open);
            }
        })
        .await;
    }
}

mod examples {
    use breaker_core::{circuit_breaker, fallback, presets, retry};

    // A fallback: steps are asked in order, here after failures too. The cache is feature `moka`.
    #[circuit_breaker(name = "price_api")]
    #[fallback(cache(key = product, ttl = "1h"), value(0), on(open, timeout, failure))]
    async fn price(product: &str) -> std::io::Result<u32> {
        Err(std::io::Error::other(format!("503 for {product}")))
    }

    // A retry (feature `retry`): the breaker counts each attempt, and none follows once it is open.
    #[circuit_breaker(name = "stock_api", timeout = "2s")]
    #[retry(attempts = 3, min = "100ms", max = "1s")]
    async fn stock(product: &str) -> std::io::Result<u32> {
        Err(std::io::Error::other(format!("503 for {product}")))
    }

    // HTTP responses (feature `reqwest`): 408, 429 and 5xx are failures, and 404 is a success.
    #[circuit_breaker(name = "search_api", timeout = "2s", classify = presets::reqwest)]
    async fn search(client: &reqwest::Client, url: &str) -> anyhow::Result<String> {
        Ok(client.get(url).send().await?.error_for_status()?.text().await?)
    }

    use super::http_server::{Then, answer, client, head};
    use breaker_core::{CircuitBreakerError, State, testing};

    #[tokio::test]
    async fn a_failed_call_is_served_too() {
        testing::isolated(async {
            assert_eq!(price("tea").await.unwrap(), 0);
            assert_eq!(testing::breaker("price_api").snapshot().failure_count, 1);
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_attempt_counts_and_none_follows_once_it_is_open() {
        testing::isolated(async {
            let breaker = testing::breaker("stock_api");
            stock("tea").await.unwrap_err();
            assert_eq!(breaker.snapshot().failure_count, 3);
            stock("tea").await.unwrap_err();
            assert_eq!(breaker.snapshot().failure_count, 5, "the fifth failure opens it");
            testing::assert_state(&breaker, State::Open);
        })
        .await;
    }

    #[tokio::test]
    async fn a_response_counts_by_its_status() {
        testing::isolated(async {
            let breaker = testing::breaker("search_api");
            for (status, failures) in [(408, 1), (429, 2), (500, 3), (599, 4), (404, 4)] {
                let url = answer(head(status, ""), Then::Closes).await;
                search(&client(), &url).await.unwrap_err();
                assert_eq!(breaker.snapshot().failure_count, failures, "{status}");
            }
            assert_eq!(breaker.snapshot().success_count, 1);
            testing::open(&breaker);
            let rejection = search(&client(), "http://not.called").await.unwrap_err();
            assert!(CircuitBreakerError::find(&*rejection).is_some());
        })
        .await;
    }
}

#[expect(clippy::print_stderr, reason = "the operator who starts it reads this")]
mod environment {
    fn main() {
        if let Err(problems) = breaker_core::Registry::global().load_env() {
            eprintln!("{problems}"); // each variable with its value, and what is expected
            std::process::exit(2);
        }
    }

    #[test]
    fn a_start_without_mistakes_goes_on() {
        main();
    }

    #[test]
    fn a_mistake_is_reported_with_what_is_expected() {
        let registry = breaker_core::Registry::new();
        registry.breaker("weather_api", breaker_core::Config::new()).unwrap();
        let problems = registry.load_env_from([("WEATHER_API_CIRCUIT_FAIL_MAX", "banana")]).unwrap_err();
        let expected = r#"WEATHER_API_CIRCUIT_FAIL_MAX: is `banana`, expected a whole number of 1 or more, or "off""#;
        assert!(problems.to_string().contains(expected), "{problems}");
        registry.load_env_from([("WEATHER_API_CIRCUIT_FAIL_MAX", "3")]).unwrap();
        assert_eq!(registry.get("weather_api").unwrap().settings().fail_max, Some(3));
    }
}
