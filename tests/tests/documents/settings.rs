//! Writes the list of settings into the documents and compares it with the code.

use crate::examples;
use crate::list::{Setting, list};
use breaker_core::{CircuitBreaker, Config, Registry, testing};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tokio::time::Instant;

const MACROS: &str = include_str!("../../../breaker-macros/src/parse/keys.rs");
const EXAMPLES: &str = include_str!("examples.rs");

/// The tables of the attribute's page.
const GROUPS: [&str; 7] = ["identity", "opening", "recovery", "backoff", "limits", "classification", "configuration"];

/// The width of the lines of comments.
const WIDTH: usize = 100;

// ---- what the documents have to say

/// Compares a file with its text of the list, or writes it.
fn check(file: &str, render: impl Fn(&str) -> String) {
    let path = root().join(file);
    let present = fs::read_to_string(&path).unwrap();
    let expected = render(&present);
    if present == expected {
        return;
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return fs::write(&path, expected).unwrap();
    }
    let difference = expected.lines().zip(present.lines()).find(|(expected, present)| expected != present);
    let (expected, present) = difference.unwrap_or(("more lines, or fewer", ""));
    panic!(
        "{file} differs from docs/settings.toml:\n  expected: {expected}\n  present:  {present}\n\
         Change docs/settings.toml, then run\n  UPDATE_EXPECT=1 cargo test -p breaker-tests --test documents\n\
         which writes the tables and comments, and review the difference."
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text with another one between the markers of `name`.
fn between_markers(text: &str, name: &str, table: &str) -> String {
    let start = format!("<!-- settings: {name} -->\n");
    let (before, rest) = text.split_once(&start).unwrap_or_else(|| panic!("there is no line `{}`", start.trim()));
    let (_, after) = rest.split_once("<!-- end -->").expect("a line `<!-- end -->`");
    format!("{before}{start}\n{table}\n<!-- end -->{after}")
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<_> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule: Vec<_> = head.iter().map(|_| "---".to_owned()).collect();
    let rows = rows.map(|cells| line(&cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>()));
    [line(&head), line(&rule)].into_iter().chain(rows).collect()
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A table of an attribute's page.
fn of_group(group: &str) -> String {
    let row = |setting: &Setting| {
        let texts = ["value", "meaning", "example"].map(|name| setting.text(name).to_owned());
        let [value, meaning, example] = texts;
        vec![code(&written(setting)), value, unset_in_attribute(setting), meaning, code(&example)]
    };
    let settings = list();
    let rows = settings.iter().filter(|setting| setting.is_in(group)).map(row);
    table(&["key", "value", "default", "meaning", "example"], rows)
}

/// The value without the key, as the attribute would write it.
fn unset_in_attribute(setting: &Setting) -> String {
    match setting.get("default").filter(|_| setting.get("unset").is_none()) {
        Some("off") => "off".to_owned(),
        Some(calls) if calls.ends_with(" calls") => code(calls.trim_end_matches(" calls")),
        Some(span) if span.starts_with(char::is_numeric) && span.ends_with(char::is_alphabetic) => {
            format!("`\"{span}\"`")
        }
        _ => setting.unset(),
    }
}

/// The key with the parentheses that it needs.
fn written(setting: &Setting) -> String {
    let key = setting.key();
    let has_list = setting.text("example").starts_with(&format!("{key}(")) && key != "backoff";
    if has_list { format!("{key}(..)") } else { key.to_owned() }
}

#[test]
fn the_attributes_page_has_the_keys_of_the_list() {
    check("breaker-macros/docs/circuit_breaker.md", |page| {
        GROUPS.iter().fold(page.to_owned(), |page, group| between_markers(&page, group, &of_group(group)))
    });
}

#[test]
fn the_page_of_retry_has_the_keys_of_the_list() {
    let row = |setting: &Setting| {
        let variable = format!(".._{}", setting.variable());
        vec![code(setting.key()), code(&variable), setting.text("meaning").to_owned()]
    };
    let settings = list();
    let rows = settings.iter().filter(|setting| setting.is_in("retries")).map(row);
    let of_settings = table(&["key", "variable", "meaning"], rows);
    check("breaker-macros/docs/retry.md", |page| {
        between_markers(&between_markers(page, "retry", &of_group("retry")), "retries", &of_settings)
    });
}

#[test]
fn the_guides_reference_has_the_settings_of_the_list() {
    let row = |setting: &Setting| {
        let (meaning, _) = setting.text("meaning").split_once(". ").unwrap_or((setting.text("meaning"), ""));
        let setters = [setting.key()].into_iter().chain(setting.setters.iter().map(|(name, _)| name.as_str()));
        vec![
            code(setting.key()),
            code(&format!(".._{}", setting.variable())),
            setters.map(code).collect::<Vec<_>>().join(", "),
            setting.text("text").to_owned(),
            setting.unset(),
            format!("{}.", meaning.trim_end_matches('.')),
        ]
    };
    let settings = list();
    let rows = settings.iter().filter(|setting| setting.is_setting()).map(row);
    let table = table(&["key", "variable", "setters", "value in a variable", "default", "meaning"], rows);
    check("docs/guide/reference.md", |page| between_markers(page, "all", &table));
}

// ---- comments of setters

/// The comment of the setter with the name of the key.
fn of_setter(setting: &Setting) -> String {
    let takes = format!("Takes {}. Default: {}.", setting.text("range"), setting.unset());
    let more = setting.get("more").map(|more| format!("\n\n{more}")).unwrap_or_default();
    format!("{}\n\n{takes}{more}", setting.text("meaning"))
}

/// The text as lines of a comment, wrapped.
fn comment(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let mut lines = vec![String::new()];
        for word in words(paragraph) {
            let last = lines.last_mut().unwrap();
            if last.is_empty() {
                *last = word;
            } else if "    /// ".len() + last.chars().count() + 1 + word.chars().count() <= WIDTH {
                last.push(' ');
                last.push_str(&word);
            } else {
                lines.push(word);
            }
        }
        lines.iter().map(|line| format!("    /// {line}\n")).collect::<String>()
    });
    paragraphs.collect::<Vec<_>>().join("    ///\n")
}

/// The words of a paragraph. Code is one word, as `scripts/prose` has it.
fn words(paragraph: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        match words.last_mut() {
            Some(last) if last.matches('`').count() % 2 == 1 => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// The source with this comment above the line that begins with `start`.
fn with_comment(source: &str, start: &str, text: &str) -> String {
    let at = source.find(&format!("\n    {start}")).unwrap_or_else(|| panic!("no line begins with {start}")) + 1;
    let (before, after) = source.split_at(at);
    let mut kept = before.len();
    while let Some(line) = before[..kept].lines().next_back().filter(|line| line.starts_with("    ///")) {
        kept -= line.len() + 1;
    }
    format!("{}{}{after}", &before[..kept], comment(text))
}

#[test]
fn the_setters_have_the_comments_of_the_list() {
    let settings: Vec<_> = list().into_iter().filter(Setting::is_setting).collect();
    check("breaker-core/src/config/keys.rs", |source| {
        let add = |source: String, setting: &Setting| {
            with_comment(&source, &format!("{}(", setting.key()), &of_setter(setting))
        };
        settings.iter().fold(source.to_owned(), add)
    });
    let further: Vec<_> = list().into_iter().flat_map(|setting| setting.setters).collect();
    check("breaker-core/src/config/setters.rs", |source| {
        let add = |source: String, (name, text): &(String, String)| {
            with_comment(&source, &format!("pub const fn {name}("), text)
        };
        further.iter().fold(source.to_owned(), add)
    });
}

// ---- what the code says

/// The keys of one table of the macro crate.
fn of_macros(name: &str) -> BTreeSet<String> {
    let (_, table) = MACROS.split_once(&format!("const {name}: ")).unwrap();
    let rows = table.lines().take_while(|line| *line != "];");
    rows.filter_map(|line| Some(line.trim().strip_prefix("key(\"")?.split('"').next()?.to_owned())).collect()
}

/// The keys of these groups.
fn of_groups(groups: &[&str]) -> BTreeSet<String> {
    let settings = list().into_iter().filter(|setting| groups.iter().any(|group| setting.is_in(group)));
    settings.map(|setting| setting.key().to_owned()).collect()
}

#[test]
fn the_list_has_the_keys_of_the_attributes_and_no_others() {
    let of_breaker: Vec<_> = GROUPS.into_iter().filter(|group| *group != "backoff").collect();
    assert_eq!(of_groups(&of_breaker), of_macros("CIRCUIT_BREAKER"));
    assert_eq!(of_groups(&["backoff"]), of_macros("BACKOFF"));
    assert_eq!(of_groups(&["retry"]), of_macros("RETRY"));
    let groups = [&GROUPS[..], &["retry", "retries"]].concat();
    assert!(list().iter().all(|setting| groups.contains(&setting.text("group"))));
}

fn fresh() -> CircuitBreaker {
    CircuitBreaker::new("documents", Config::new()).unwrap()
}

#[test]
fn the_list_has_the_settings_of_a_breaker_and_no_others() {
    let known: BTreeSet<_> = fresh().setting_sources().into_iter().map(|(key, _)| key.to_owned()).collect();
    let listed: Vec<_> = list().into_iter().filter(Setting::is_setting).map(|one| one.key().to_owned()).collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), known);
    assert_eq!(listed.len(), known.len(), "one is listed twice");
}

#[test]
fn the_list_has_the_defaults_of_the_code() {
    let fresh = fresh().settings();
    let (mut computed, mut checked) = (BTreeSet::new(), 0);
    let settings: Vec<_> = list().into_iter().filter(Setting::is_setting).collect();
    for setting in &settings {
        let key = setting.key();
        let Some(default) = setting.get("default") else {
            computed.insert(key.to_owned());
            continue;
        };
        let (_, shown) = fresh.to_strings().into_iter().find(|(known, _)| *known == key).unwrap();
        let read = |text: &str| Config::new().with_str(key, text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read(default), read(&shown), "{key}");
        assert!(setting.unset().contains(&code(default)), "{key}: {} is without {default}", setting.unset());
        checked += 1;
    }
    assert_eq!(computed, ["probe_count", "probe_timeout"].map(str::to_owned).into());
    assert_eq!(checked, settings.len() - 2);
    assert_eq!((fresh.probe_count, fresh.probe_timeout), (Some(fresh.success_threshold), Some(fresh.recovery_timeout)));
    let parts = list().into_iter().filter(|setting| setting.is_in("backoff"));
    let parts: Vec<_> = parts.map(|part| format!("{}={}", part.key(), part.text("default"))).collect();
    let read = |text: &str| Config::new().with_str("backoff", text).unwrap();
    assert_eq!(read(&parts.join(", ")), read("on"));
}

#[tokio::test(start_paused = true)]
async fn the_list_has_the_defaults_of_retry() {
    let settings = list();
    let unset = |key: &str| {
        let setting = settings.iter().find(|setting| setting.is_in("retry") && setting.key() == key).unwrap();
        let number: String = setting.text("unset").chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
        number.parse::<f64>().unwrap()
    };
    let (min, max, factor, jitter) = (unset("min"), unset("max"), unset("factor"), unset("jitter"));
    testing::isolated(async {
        let attempts = || testing::breaker("documents_retry").snapshot().failure_count;
        examples::retried_by_default().await.unwrap_err();
        assert_eq!(attempts().to_string(), unset("attempts").to_string());
        let (before, began) = (attempts(), Instant::now());
        examples::retried_up_to_the_longest_wait().await.unwrap_err();
        let waits: Vec<_> = (0..4).map(|wait| (min * factor.powi(wait)).min(max)).collect();
        assert_eq!((attempts() - before, waits.last()), (5, Some(&max)), "{waits:?}");
        let (shortest, waited) = (waits.iter().sum::<f64>(), began.elapsed().as_secs_f64());
        assert!(waited >= shortest && waited <= shortest * (1.0 + jitter) + 0.1, "{waited} s");
    })
    .await;
}

#[test]
fn the_list_says_what_a_wrong_value_is_told() {
    for setting in list().iter().filter(|setting| setting.is_setting()) {
        let (key, text) = (setting.key(), setting.text("text"));
        let told = Config::new().with_str(key, "no value of it").unwrap_err().message().to_owned();
        let told = told.trim_end_matches(" (a bare number is seconds)");
        assert_eq!(told, format!("is `no value of it`, expected {text}"), "{key}");
    }
}

#[test]
fn each_setting_is_a_key_of_an_attribute_a_setter_a_variable_and_a_key_of_files() {
    let (attribute, of_retry) = (of_macros("CIRCUIT_BREAKER"), of_macros("RETRY"));
    let setters = format!("{:?}", Config::new());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("documents.toml");
    for setting in list().iter().filter(|setting| setting.is_setting()) {
        let key = setting.key();
        let of_retry = key == "retry" || key.strip_prefix("retry_").is_some_and(|key| of_retry.contains(key));
        assert!(of_retry || attribute.contains(key), "{key} is no key of an attribute");
        assert!(setters.contains(&format!("{key}: None")), "{key} is not in Config");
        let registry = Registry::new();
        let variable = format!("API_CIRCUIT_{}", setting.variable());
        registry.load_env_from([("", ""); 0]).unwrap();
        registry.breaker("api", Config::new()).unwrap();
        let told = registry.load_env_from([(&variable, "no value of it")]).unwrap_err().to_string();
        assert!(told.contains(&variable) && told.contains("expected"), "{told}");
        fs::write(&file, format!("[all]\n{key} = \"no value of it\"\n")).unwrap();
        let told = registry.load_file(&file).unwrap_err().to_string();
        assert!(told.contains(key) && told.contains("expected"), "{told}");
    }
}

#[test]
fn each_example_of_the_list_is_compiled() {
    for setting in list() {
        let Some(example) = setting.get("example") else { continue };
        assert!(EXAMPLES.contains(example), "tests/tests/documents/examples.rs has no `{example}`");
    }
}
