//! Reads the files and variables that the pages of the guide show.

use breaker_core::{Config, Registry, Source, Strict};
use std::fs;
use std::path::PathBuf;

/// The pages of the guide, by name.
fn pages() -> Vec<(String, String)> {
    let names = fs::read_dir("../docs/guide").unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = names.map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect();
    pages.sort();
    pages
}

#[test]
fn each_file_of_settings_in_the_guide_is_accepted() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("documents_pages.toml");
    let mut read = 0;
    for (page, text) in pages() {
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let tables = ["[defaults]", "[all]", "[breakers.", "[functions."];
            if !block.lines().any(|line| tables.iter().any(|table| line.starts_with(table))) {
                continue;
            }
            fs::write(&file, block).unwrap();
            let loaded = Registry::new().load_file(&file);
            loaded.unwrap_or_else(|problems| panic!("{page}: {problems}"));
            read += 1;
        }
    }
    assert!(read >= 2, "{read} files");
}

#[test]
fn each_variable_with_a_value_in_the_guide_is_accepted() {
    let mut read = 0;
    for (page, text) in pages() {
        let words = text.split(|c: char| c.is_whitespace() || c == '`');
        let words = words.filter_map(|word| word.split_once('='));
        for (variable, value) in words.filter(|(variable, _)| variable.contains("CIRCUIT_")) {
            let registry = Registry::new();
            registry.load_env_from([("", ""); 0]).unwrap();
            if let Some((prefix, _)) = variable.split_once("_CIRCUIT_") {
                registry.breaker(&prefix.to_lowercase(), Config::new()).unwrap();
            }
            let loaded = registry.load_env_from([(variable, value.trim_matches('"'))]).strict();
            loaded.unwrap_or_else(|problems| panic!("{page}: {problems}"));
            read += 1;
        }
    }
    assert!(read >= 3, "{read} variables");
}

#[test]
fn each_older_word_in_the_guide_is_read_as_its_key() {
    let page = fs::read_to_string("../docs/guide/configuration.md").unwrap();
    let (_, table) = page.split_once("| older word | variable |").unwrap();
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let mut read = 0;
    for line in table.lines().take_while(|line| !line.starts_with("Two")).filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(words).collect();
        let [older, variables] = &cells[..] else { panic!("two cells: {line}") };
        for (index, word) in older.iter().enumerate() {
            let key = variables[index.min(variables.len() - 1)].to_lowercase();
            let registry = Registry::new();
            registry.load_env_from([("", ""); 0]).unwrap();
            let breaker = registry.breaker("api", Config::new()).unwrap();
            let variable = format!("API_CIRCUIT_{word}");
            registry.load_env_from([(&variable, "1")]).unwrap();
            let (_, source) = breaker.setting_sources().into_iter().find(|(known, _)| *known == key).unwrap();
            assert_eq!(source, Source::Environment(variable), "{word}");
            read += 1;
        }
    }
    assert_eq!(read, 8);
}
