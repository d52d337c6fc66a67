//! The attribute knows the words of other libraries that the page on migrating lists.

use crate::list::list;

const ALIASES: &str = include_str!("../../../breaker-macros/src/parse/aliases.rs");
const MIGRATING: &str = include_str!("../../../docs/guide/migrating.md");

/// `slidingWindowSize` and `FailureRatio` as the macro crate has them.
fn snake(written: &str) -> String {
    let mut snake = String::new();
    for letter in written.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Whether the attribute's message for this word of another library has this key.
fn leads_to(word: &str, key: &str) -> bool {
    let (_, aliases) = ALIASES.split_once("const CIRCUIT_BREAKER: ").unwrap();
    let (aliases, _) = aliases.split_once("];").unwrap();
    let (_, messages) = ALIASES.split_once("const TWO_MEANINGS: ").unwrap();
    let message = messages.split("),\n").find(|entry| entry.contains(&format!("\"{word}\"")));
    match message {
        Some(message) => message.contains(&format!("`{key}`")) || message.contains(&format!("`{key} = ")),
        None => word == key || aliases.contains(&format!("(\"{word}\", \"{key}\"),")),
    }
}

#[test]
fn the_attribute_knows_the_words_that_the_page_on_migrating_lists() {
    let (_, table) = MIGRATING.split_once("\n| --- | --- | --- | --- | --- | --- | --- |\n").unwrap();
    let rows: Vec<Vec<_>> = table.lines().map_while(|row| Some(row.strip_prefix('|')?.split('|').collect())).collect();
    assert!(rows.len() > 15, "{rows:?}");
    for row in rows {
        let cells: Vec<Vec<_>> = row.iter().map(|cell| cell.split('`').skip(1).step_by(2).collect()).collect();
        let [key] = cells[6][..] else { panic!("one key: {row:?}") };
        assert!(list().iter().any(|setting| setting.key() == key), "{key}");
        for word in cells[1..6].iter().flatten() {
            assert!(leads_to(&snake(word), key), "the attribute does not lead from `{word}` to `{key}`");
        }
    }
}
