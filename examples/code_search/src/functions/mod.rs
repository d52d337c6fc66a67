//! Finds the functions of a source file in its syntax tree.
//!
//! The work on a file and its result have a bound, whatever the file contains: users send files
//! that no person has read.

mod walk;

use std::{
    fmt,
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};

use thiserror::Error;
use tree_sitter::{ParseOptions, ParseState, Parser, Tree};

/// The time limit of the parser: a megabyte of source takes a tenth of it on a slow machine.
const PARSE_LIMIT: Duration = Duration::from_secs(10);

/// The longest kept text of one function, in bytes; generated functions may be longer.
const MAX_TEXT: usize = 16 * 1024;

/// The most text of all functions of a file together, in bytes. Each one's text includes its nested
/// functions.
const MAX_TEXTS: usize = 1 << 20;

/// The most functions of a file that are kept. The database writes two rows for each, within the
/// time limit of one call.
const MAX_FUNCTIONS: usize = 2_000;

/// A language whose functions can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `.rs`
    Rust,
    /// `.py`
    Python,
}

impl Language {
    /// The language of a file, by its extension.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        match Path::new(path).extension()?.to_str()? {
            "rs" => Some(Self::Rust),
            "py" => Some(Self::Python),
            _ => None,
        }
    }

    /// Its name, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
        }
    }

    fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::Python => tree_sitter_python::LANGUAGE.into(),
        }
    }
}

/// A function of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, after the names of its scopes: `RedisCache::get`.
    pub name: String,
    /// What is said about it: the comment above it, or Python's docstring.
    pub documentation: String,
    /// Its source, from its first attribute or comment on.
    pub text: String,
    /// Its first line, from 1.
    pub start_line: u32,
    /// Its last line.
    pub end_line: u32,
}

/// What was found in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The functions, in their order, nested ones included.
    pub functions: Vec<Function>,
    /// How many of them have a shortened text.
    pub shortened: usize,
    /// How many more functions there are, which are not kept.
    pub left_out: usize,
    /// The line of the first part that is nested too deep. The functions inside such parts are not
    /// found.
    pub too_deep: Option<TooDeep>,
}

/// A part of a file that is nested too deep: an expression that a program wrote, or text without
/// searchable functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooDeep {
    /// Its line, from 1.
    pub line: u32,
    /// The deepest level of the syntax tree that is visited.
    pub most: usize,
}

impl fmt::Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, most } = self;
        write!(f, "line {line} is nested more than {most} levels deep; functions inside of that are not found")
    }
}

/// Why nothing of a file is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unfit {
    /// The parser does not finish within its limit: a large file that is hardly source at all.
    #[error("it takes longer than {limit:?} to parse")]
    TooHard {
        /// The limit.
        limit: Duration,
    },
}

/// The functions of `source`. Parts that do not parse or are nested too deep are left out.
///
/// # Errors
/// The parser does not finish.
pub fn functions(source: &str, language: Language) -> Result<Found, Unfit> {
    let Some(tree) = parse(source, language, PARSE_LIMIT)? else { return Ok(Found::default()) };
    let walk::Walked { found: mut functions, more: left_out, too_deep } = walk::functions(&tree, source, MAX_FUNCTIONS);
    let too_deep = too_deep.map(|line| TooDeep { line, most: walk::MAX_DEPTH });
    let most = share(functions.iter().map(|function| function.text.len()), MAX_TEXTS).min(MAX_TEXT);
    let mut shortened = 0;
    for function in functions.iter_mut().filter(|function| function.text.len() > most) {
        function.text = beginning(function.text, most);
        shortened += 1;
    }
    Ok(Found { functions: functions.iter().map(walk::Place::function).collect(), shortened, left_out, too_deep })
}

fn parse(source: &str, language: Language, limit: Duration) -> Result<Option<Tree>, Unfit> {
    let mut parser = Parser::new();
    // The grammars are linked in; a version that the parser does not support would be a mistake of
    // the build.
    if parser.set_language(&language.grammar()).is_err() {
        return Ok(None);
    }
    let begun = Instant::now();
    let mut go_on = |_: &ParseState| {
        if begun.elapsed() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut go_on);
    let mut rest = |at: usize, _| source.as_bytes().get(at..).unwrap_or_default();
    let parsed = parser.parse_with_options(&mut rest, None, Some(options));
    parsed.map(Some).ok_or(Unfit::TooHard { limit })
}

/// The longest that each text may be, so that all together are no longer than `room`.
fn share(lengths: impl Iterator<Item = usize>, room: usize) -> usize {
    let mut lengths: Vec<_> = lengths.collect();
    lengths.sort_unstable();
    let mut left = room;
    for (shorter, length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - shorter);
        if *length > share {
            return share;
        }
        left -= length;
    }
    room
}

fn beginning(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        Found, Function, Language, MAX_FUNCTIONS, MAX_TEXT, MAX_TEXTS, TooDeep, Unfit, functions, parse, share,
    };

    fn found(source: &str, language: Language) -> Vec<Function> {
        functions(source, language).expect("it is fit").functions
    }

    fn named(functions: &[Function]) -> Vec<&str> {
        functions.iter().map(|function| function.name.as_str()).collect()
    }

    #[test]
    fn rust_functions_are_found_with_what_stands_above_them() {
        let source = "use std::fmt;\n\nimpl<T> Cache<T> {\n    /// Looks it up.\n    #[inline]\n    pub fn get(&self) {\n        fn inner() {}\n    }\n}\n\nmod deep { fn low() {} }\n";
        let found = found(source, Language::Rust);
        assert_eq!(named(&found), ["Cache::get", "Cache::get::inner", "deep::low"]);
        let get = &found[0];
        assert_eq!((get.start_line, get.end_line, get.documentation.as_str()), (4, 8, "Looks it up."));
        assert!(get.text.starts_with("/// Looks it up.") && get.text.ends_with('}'), "{}", get.text);
    }

    #[test]
    fn python_functions_are_found_with_decorator_and_docstring() {
        let source = "class Shop:\n    n = 1\n    # Sells.\n    @log\n    def sell(self, n):\n        \"\"\"Sells n pieces.\"\"\"\n        return n\n";
        let found = found(source, Language::Python);
        assert_eq!(named(&found), ["Shop::sell"]);
        assert_eq!((found[0].start_line, found[0].end_line), (3, 7));
        assert!(found[0].documentation.contains("Sells n pieces."), "{:?}", found[0]);
        assert!(found[0].text.contains("@log"), "{:?}", found[0]);
    }

    #[test]
    fn what_cannot_be_parsed_hides_nothing_else() {
        let found = found("fn good() {}\n%%% ((\nfn better() {}\n", Language::Rust);
        assert!(named(&found).contains(&"good"), "{found:?}");
        assert_eq!(functions("", Language::Python), Ok(Found::default()));
    }

    /// Runs on a stack as small as a worker thread's.
    fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
        let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(test).expect("there is room");
        thread.join().expect("the stack is large enough");
    }

    /// The text before all levels, at the beginning and end of each one, and after all.
    type Nest = (Language, &'static str, &'static str, &'static str, &'static str);

    /// Parses a file of N levels with a function before and after it.
    fn nested((language, before, level, after, end): Nest, levels: usize) -> Found {
        let function = if language == Language::Rust { "fn b() {}\n" } else { "def b(): pass\n" };
        let source = format!("{function}{before}{}1{}{end}\n{function}", level.repeat(levels), after.repeat(levels));
        functions(&source, language).expect("it is fit")
    }

    #[test]
    fn what_is_nested_too_deep_hides_nothing_else_and_ends_no_process() {
        on_a_small_stack(|| {
            for nest in [
                (Language::Rust, "fn a() ", "{", "}", ""),
                (Language::Rust, "", "mod a {", "}", ""),
                (Language::Rust, "", "fn a() {", "}", ""),
                (Language::Rust, "", "impl A { fn a() {", "}}", ""),
                (Language::Rust, "fn a() { ", "(", ")", " }"),
                (Language::Rust, "fn a() { ", "if a {", "}", " }"),
                (Language::Rust, "fn a() { ", "-", "", "; }"),
                (Language::Rust, "fn a() { ", "1+", "", "; }"),
                (Language::Rust, "fn a() { ", "||", "", "; }"),
                (Language::Rust, "fn a() { a", "", ".b()?", "; }"),
                (Language::Rust, "a!", "{", "}", ""),
                (Language::Python, "a = ", "(", ")", "\n"),
                (Language::Python, "a = ", "[{", "}]", "\n"),
                (Language::Python, "a = ", "-", "", "\n"),
                (Language::Python, "a = ", "not ", "", "\n"),
                (Language::Python, "a = ", "1+", "", "\n"),
                (Language::Python, "a = ", "lambda: ", "", "\n"),
                (Language::Python, "a = b", "", ".c()", "\n"),
            ] {
                for levels in [1_465, 5_860] {
                    let found = nested(nest, levels);
                    let names = named(&found.functions);
                    assert_eq!(found.too_deep, Some(TooDeep { line: 2, most: 1_000 }), "{levels} of {nest:?}");
                    assert!(
                        names.first() == Some(&"b") && names.last() == Some(&"b"),
                        "{levels} of {nest:?}: {names:?}"
                    );
                    // One more for the level that contains the expression.
                    assert!(!nest.1.starts_with("fn a") || names.contains(&"a"), "{levels} of {nest:?}: {names:?}");
                }
                assert_eq!(nested(nest, 200).too_deep, None, "200 of {nest:?}");
            }
        });
    }

    #[test]
    fn python_that_is_nested_too_deep_by_its_lines_ends_no_process() {
        on_a_small_stack(|| {
            for line in ["def a():", "class A:", "if a:"] {
                let lines = |levels: usize| (0..levels).map(|level| format!("{}{line}\n", " ".repeat(level)));
                let deep: String = lines(1_465).chain(["pass".to_owned()]).collect();
                assert!(functions(&deep, Language::Python).is_ok());
            }
        });
    }

    #[test]
    fn what_is_left_open_ends_no_process() {
        on_a_small_stack(|| {
            for (language, level) in [
                (Language::Rust, "{"),
                (Language::Rust, "fn a() {"),
                (Language::Rust, "mod a {"),
                (Language::Rust, "-"),
                (Language::Rust, "Vec<"),
                (Language::Python, "("),
                (Language::Python, "if a:"),
                (Language::Python, "f'{"),
            ] {
                assert!(functions(&level.repeat(5_860), language).is_ok(), "{level}");
            }
        });
    }

    #[test]
    fn what_people_write_is_not_too_deep() {
        let deep = format!("fn a() {{ let x = b{}; }}", ".c(1)".repeat(300));
        assert_eq!(named(&found(&deep, Language::Rust)), ["a"]);
        let deep = format!("def a():\n    return {}1\n", "1 + ".repeat(500));
        assert_eq!(named(&found(&deep, Language::Python)), ["a"]);
    }

    #[test]
    fn functions_inside_of_functions_have_no_more_text_than_a_file_may() {
        let levels = 150;
        let source = format!("{}{}", "fn a() {\n    let long = \"0123456789\";\n".repeat(levels), "}\n".repeat(levels));
        let found = functions(&source.repeat(10), Language::Rust).expect("it is fit");
        let total: usize = found.functions.iter().map(|function| function.text.len()).sum();
        assert_eq!((found.functions.len(), found.left_out), (10 * levels, 0));
        assert!(
            total <= MAX_TEXTS && total > MAX_TEXTS / 2 && found.shortened > levels,
            "{total}, {}",
            found.shortened
        );
        assert!(found.functions.iter().all(|function| function.documentation.is_empty() && function.name.len() <= 500));
    }

    #[test]
    fn more_functions_than_a_file_may_have_are_counted() {
        let found = functions(&"fn a() {}\n".repeat(MAX_FUNCTIONS + 3), Language::Rust).expect("it is fit");
        assert_eq!((found.functions.len(), found.shortened, found.left_out), (MAX_FUNCTIONS, 0, 3));
        let long = format!("fn {0}() {{ \"{0}\" }}", "a".repeat(MAX_TEXT));
        let found = functions(&long, Language::Rust).expect("it is fit");
        assert_eq!((found.shortened, found.functions[0].text.len()), (1, MAX_TEXT));
        assert!(found.functions[0].name.len() <= 500);
    }

    #[test]
    fn a_file_that_takes_too_long_is_refused() {
        let source = "fn a() {}\n".repeat(1_000);
        let parsed = parse(&source, Language::Rust, Duration::ZERO);
        assert_eq!(parsed.map(|_| ()), Err(Unfit::TooHard { limit: Duration::ZERO }));
    }

    #[test]
    fn a_share_leaves_the_short_ones_whole() {
        assert_eq!(share([1, 2, 30, 40].into_iter(), 23), 10);
        assert_eq!(share([1, 2].into_iter(), 3), 3);
        assert_eq!(share([].into_iter(), 3), 3);
    }
}
