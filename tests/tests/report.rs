//! The report of `init` and `load`: what is no error, but most likely not what was meant.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{
    CircuitBreakerError, Config, ConfigErrorKind, ConfigErrors, Registry, Report, Strict, circuit_breaker, testing,
};
use std::marker::PhantomData;
use std::path::PathBuf;
use tracing::Level;

fn registry() -> Registry {
    let registry = Registry::new();
    registry.load_env_from([("", ""); 0]).unwrap();
    registry.breaker("weather_api", Config::new()).unwrap();
    registry
}

fn told(report: &Report) -> Vec<String> {
    report.warnings().iter().map(ToString::to_string).collect()
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("report_{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}

const WETHER: [(&str, &str); 1] = [("WETHER_API_CIRCUIT_FAIL_MAX", "3")];
const NO_SUCH_BREAKER: &str = "WETHER_API_CIRCUIT_FAIL_MAX: belongs to no known circuit breaker and is ignored; did you \
                               mean WEATHER_API_CIRCUIT_FAIL_MAX?";

#[test]
fn a_variable_of_no_breaker_is_a_warning_with_the_nearest_name() {
    let report = registry().load_env_from(WETHER).unwrap();
    assert_eq!(told(&report), [NO_SUCH_BREAKER]);
    assert_eq!(report.warnings()[0].kind(), ConfigErrorKind::UnknownName);
    assert_eq!(report.to_string(), NO_SUCH_BREAKER);
    let quiet = registry().load_env_from([("WEATHER_API_CIRCUIT_FAIL_MAX", "3")]).unwrap();
    assert_eq!((told(&quiet), quiet.to_string()), (vec![], "no warnings".to_owned()));
}

#[test]
fn a_table_of_no_breaker_is_a_warning_of_load_and_of_reload() {
    let registry = registry();
    let path = file("table", "[breakers.wether_api]\nfail_max = 3\n");
    let warning =
        format!("{}: no circuit breaker is named `wether_api` yet; did you mean `weather_api`?", path.display());
    assert_eq!(told(&registry.load_file(&path).unwrap()), [warning.as_str()]);
    assert_eq!(told(&registry.reload().unwrap()), [warning.as_str()]);
    assert!(registry.load_file(&path).strict().is_err());
    std::fs::write(&path, "[breakers.weather_api]\nfail_max = 3\n").unwrap();
    assert_eq!(told(&registry.reload().unwrap()), Vec::<String>::new());
    registry.load_file(&path).strict().unwrap();
}

#[test]
fn a_key_of_all_breakers_that_does_not_exist_is_a_warning() {
    for spelling in ["FAIL_MAXX", "FAIL_MXA"] {
        let variable = format!("CIRCUIT_BREAKER_{spelling}");
        let report = registry().load_env_from([(variable.as_str(), "3")]).unwrap();
        let warning = format!(
            "{variable}: is not a setting of circuit breakers and is ignored; did you mean `CIRCUIT_BREAKER_FAIL_MAX`?"
        );
        assert_eq!(told(&report), [warning.as_str()]);
    }
}

#[test]
fn strict_makes_errors_of_warnings_and_tells_everything_at_once() {
    let variables = [WETHER[0], ("WEATHER_API_CIRCUIT_FAIL_MAX", "banana")];
    let errors = registry().load_env_from(variables).unwrap_err();
    assert_eq!(errors.len(), 1, "a bad value is an error with and without it");
    assert_eq!(told(errors.report()), [NO_SUCH_BREAKER]);
    let errors = registry().load_env_from(variables).strict().unwrap_err();
    assert_eq!(errors.len(), 2);
    assert!(errors.to_string().ends_with(&format!("\n{NO_SUCH_BREAKER}")), "{errors}");
    registry().load_env_from([("WEATHER_API_CIRCUIT_FAIL_MAX", "3")]).strict().unwrap();
}

/// As users write it: the result of `init` is no value that has to be used.
#[test]
fn the_plain_forms_compile_without_a_warning() {
    #[deny(warnings)]
    fn question_mark(registry: &Registry) -> Result<(), ConfigErrors> {
        registry.load_env_from(WETHER)?;
        registry.load_env_from(WETHER).strict()?;
        Ok(())
    }
    assert!(question_mark(&registry()).is_err());
    if let Err(errors) = registry().load_env_from(WETHER) {
        panic!("{errors}");
    }
}

#[test]
fn of_many_names_that_nobody_has_the_first_are_told_and_the_others_counted() {
    let many = |what: &'static str| (0..10_000).map(move |n| (format!("{what}{n}_CIRCUIT_FAIL_MAX"), "3"));
    let report = registry().load_env_from(many("WETHER_API_")).unwrap();
    assert_eq!(report.warnings().len(), 101);
    let last = report.warnings()[100].to_string();
    assert!(last.contains("9900 more variables belong to no known circuit breaker"), "{last}");
    let tables: String = (0..1_000).map(|n| format!("[breakers.b{n}]\n")).collect();
    let report = registry().load_file(file("many", &tables)).unwrap();
    assert_eq!(report.warnings().len(), 101);
    assert!(report.warnings()[100].to_string().contains("900 more names belong to no circuit breaker yet"));
}

#[test]
fn of_many_shared_prefixes_the_first_are_told_and_the_others_counted() {
    let registry = Registry::new();
    for n in 0..150 {
        for name in [format!("api-{n}"), format!("api_{n}")] {
            registry.breaker(&name, Config::new()).unwrap();
        }
    }
    let report = registry.load_env_from([("", ""); 0]).unwrap();
    assert_eq!(report.warnings().len(), 101);
    let last = report.warnings()[100].to_string();
    assert_eq!(last, "names of circuit breakers: 50 more prefixes of variables are shared by circuit breakers");
}

struct A;
struct B;
struct Client<T>(PhantomData<T>);

impl Client<A> {
    #[circuit_breaker]
    fn get() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

impl Client<B> {
    #[circuit_breaker]
    fn get() -> Result<(), CircuitBreakerError> {
        Ok(())
    }

    #[circuit_breaker(name = "put")]
    fn put() -> Result<(), CircuitBreakerError> {
        Ok(())
    }

    #[circuit_breaker(name = "put")]
    fn put_again() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

trait Reads {
    fn fetch() -> Result<(), CircuitBreakerError>;
}
trait Writes {
    fn fetch() -> Result<(), CircuitBreakerError>;
}
struct Store;

impl Reads for Store {
    #[circuit_breaker]
    fn fetch() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

impl Writes for Store {
    #[circuit_breaker]
    fn fetch() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

#[circuit_breaker]
fn generic<T>() -> Result<(), CircuitBreakerError> {
    let _ = size_of::<T>();
    Ok(())
}

struct Block<T>(PhantomData<T>);

#[circuit_breaker]
impl Block<A> {
    fn get() -> Result<(), CircuitBreakerError> {
        Ok(())
    }

    async fn put() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

#[circuit_breaker]
impl Block<B> {
    fn get() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

struct Whole;

#[circuit_breaker]
impl Whole {
    fn get() -> Result<(), CircuitBreakerError> {
        Ok(())
    }

    async fn put() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

#[circuit_breaker]
impl Reads for Whole {
    fn fetch() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

struct Twins;

#[circuit_breaker]
impl Reads for Twins {
    fn fetch() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

#[circuit_breaker]
impl Sends for Twins {
    async fn send() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

trait Sends {
    async fn send() -> Result<(), CircuitBreakerError>;
}

struct Split;

#[circuit_breaker]
impl Split {
    fn one() -> Result<(), CircuitBreakerError> {
        Ok(())
    }

    #[circuit_breaker]
    fn two() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

#[circuit_breaker]
impl Split {
    fn three() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

struct Named;

#[circuit_breaker(name = "report::Named")]
impl Reads for Named {
    fn fetch() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

#[circuit_breaker(name = "report::Named")]
impl Sends for Named {
    async fn send() -> Result<(), CircuitBreakerError> {
        Ok(())
    }
}

/// Its only block. Each method of it is reported with the same place.
struct Alone;

#[circuit_breaker]
impl Alone {
    fn one() -> Result<(), CircuitBreakerError> {
        Ok(())
    }

    #[circuit_breaker(otherwise = ignored)]
    async fn two() -> Result<(), CircuitBreakerError> {
        Ok(())
    }

    #[expect(clippy::manual_async_fn, reason = "a shape of its own")]
    fn three() -> impl Future<Output = Result<(), CircuitBreakerError>> + Send {
        async { Ok(()) }
    }
}

macro_rules! client {
    ($($argument:ty)*) => {$(
        impl Made<$argument> {
            #[circuit_breaker]
            fn get() -> Result<(), CircuitBreakerError> {
                Ok(())
            }
        }
    )*};
}

struct Made<T>(PhantomData<T>);
client!(A B);

#[tokio::test]
async fn call_sites_that_share_a_default_name_are_told_with_both_places() {
    testing::isolated(async {
        for call in [Client::<A>::get, Client::<B>::get, Client::<B>::put, Client::<B>::put_again] {
            call().unwrap();
        }
        <Store as Reads>::fetch().unwrap();
        <Store as Writes>::fetch().unwrap();
        generic::<A>().unwrap();
        generic::<B>().unwrap();
        for call in [Block::<A>::get, Block::<B>::get, Made::<A>::get, Made::<B>::get] {
            call().unwrap();
        }
        for call in
            [Whole::get, Whole::fetch, Twins::fetch, Named::fetch, Split::one, Split::two, Split::three, Alone::one]
        {
            call().unwrap();
        }
        for call in [
            Block::<A>::put().await,
            Whole::put().await,
            Twins::send().await,
            Named::send().await,
            Alone::two().await,
            Alone::three().await,
        ] {
            call.unwrap();
        }
        let report = Registry::global().load_env_from([("", ""); 0]).unwrap();
        let told = told(&report);
        let shared: Vec<_> = told.iter().map(|line| line.split("` is shared").next().unwrap()).collect();
        let of = |name| format!("circuit breaker `report::{name}`: is shared by ");
        for name in ["Client::get", "Store::fetch", "Block", "Made::get", "Whole", "Twins", "Split"] {
            assert_eq!(told.iter().filter(|line| line.starts_with(&of(name))).count(), 1, "{name}: {told:#?}");
        }
        assert_eq!(shared.len(), 7, "{told:#?}");
        let whole = told.iter().find(|line| line.contains("Whole")).unwrap();
        assert_eq!(whole.matches("tests/tests/report.rs:").count(), 2, "each block once, not each method: {whole}");
        let client = told.iter().find(|line| line.contains("Client::get")).unwrap();
        let places = client.matches("tests/tests/report.rs:").count();
        assert!(places == 2 && client.contains("write a different `name` at each"), "{client}");
        assert!(report.warnings().iter().all(|warning| warning.kind() == ConfigErrorKind::SharedName));
        assert!(Registry::global().load_env_from([("", ""); 0]).strict().is_err());
    })
    .await;
}

#[tokio::test]
async fn call_sites_that_share_a_default_name_are_logged_once() {
    let log = common::log::Log::at(Level::WARN);
    testing::isolated(async {
        Client::<A>::get().unwrap();
        Client::<B>::get().unwrap();
        Registry::global().load_env_from([("", ""); 0]).unwrap();
        Registry::global().load_env_from([("", ""); 0]).unwrap();
    })
    .await;
    let lines = log.lines();
    let lines: Vec<_> = lines.iter().filter(|line| line.contains("`report::Client::get`: is shared by")).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("breaker_core::configuration"));
}

#[test]
fn breakers_that_obey_the_same_variables_are_told() {
    let registry = registry();
    registry.breaker("weather-api", Config::new()).unwrap();
    let report = registry.load_env_from([("", ""); 0]).unwrap();
    let told = told(&report);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with(
        "circuit breakers `weather-api`, `weather_api`: share the variables WEATHER_API_CIRCUIT_..; give one of them"
    ));
}

/// A very long value, its newlines, or a secret in the wrong variable.
#[test]
fn a_bad_value_is_cut_and_escaped_in_errors_and_log_lines() {
    let log = common::log::Log::at(Level::WARN);
    let forged = "1\n2026-01-01T00:00:00Z ERROR forged: \u{202e}line\u{2028}\u{1b}[2J";
    let long = "x".repeat(100_000);
    let secret = "sk-abcdefghijklmnopqrstuvwxyz0123456789";
    for bad in [forged, &long, secret] {
        let registry = registry();
        let text = registry.load_env_from([("WEATHER_API_CIRCUIT_FAIL_MAX", bad)]).unwrap_err().to_string();
        assert!(text.len() < 200 && text.lines().count() == 1, "{text}");
        assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}' && c != '\u{2028}'), "{text}");
        assert!(!text.contains(&bad[33.min(bad.len())..]), "{text}");
        let path = file("bad", &format!("[breakers.weather_api]\nfail_max = {}\n", toml_text(bad)));
        let text = registry.load_file(&path).unwrap_err().to_string();
        assert!(text.len() < path.as_os_str().len() + 200 && text.lines().count() == 1, "{text}");
        let name = format!("{bad}_CIRCUIT_FAIL_MAX");
        let report = registry.load_env_from([(name.as_str(), "3")]).unwrap();
        assert!(report.to_string().len() < 400 && report.to_string().lines().count() == 1, "{report}");
        let path = file("bad_name", &format!("[breakers.{}]\nfail_max = 3\n", toml_text(bad)));
        let report = registry.load_file(&path).unwrap().to_string();
        assert!(report.len() < path.as_os_str().len() + 500 && report.lines().count() == 2, "{report}");
        // No report is read here: the lines are logged.
        registry.load_env_from([("LATER_CIRCUIT_WINDOW", bad)]).unwrap();
        registry.breaker("later", Config::new()).unwrap();
    }
    let lines = log.lines();
    assert!(!lines.is_empty() && lines.iter().all(|line| line.len() < 1000), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with("2026-01-01T00:00:00Z")), "{lines:#?}");
}

fn toml_text(text: &str) -> String {
    let escaped: String = text.chars().map(|c| format!("\\U{:08x}", c as u32)).collect();
    format!("\"{escaped}\"")
}
