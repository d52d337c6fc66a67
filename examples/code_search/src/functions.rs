//! The room of the functions: a source file in, the functions in it out, found in its syntax tree.

use std::path::Path;

use tree_sitter::{Node, Parser};

/// The longest text of one function that is kept, in bytes; what a generator wrote may be longer.
const MAX_TEXT: usize = 16 * 1024;

/// A language whose functions can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `.rs`
    Rust,
    /// `.py`
    Python,
}

impl Language {
    /// The language of a file, by the ending of its name.
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
    /// Its name, behind those of what it stands in: `RedisCache::get`.
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

/// The functions of `source`, in their order, also those inside of others. What cannot be parsed is skipped.
#[must_use]
pub fn functions(source: &str, language: Language) -> Vec<Function> {
    let mut parser = Parser::new();
    let mut found = Vec::new();
    // The grammars are linked in; one of another version than the parser's would be a mistake of the build.
    if parser.set_language(&language.grammar()).is_ok()
        && let Some(tree) = parser.parse(source, None)
    {
        visit(tree.root_node(), source, "", &mut found);
    }
    found
}

fn visit(node: Node<'_>, source: &str, outside: &str, found: &mut Vec<Function>) {
    let mut cursor = node.walk();
    for child in node.named_children(&mut cursor) {
        let name = name_of(child, source);
        let inside = match name {
            Some(name) if outside.is_empty() => name.to_owned(),
            Some(name) => format!("{outside}::{name}"),
            None => outside.to_owned(),
        };
        if matches!(child.kind(), "function_item" | "function_definition") && name.is_some() {
            found.push(function(child, source, &inside));
        }
        visit(child, source, &inside, found);
    }
}

/// The name that a node gives to what stands in it.
fn name_of<'a>(node: Node<'_>, source: &'a str) -> Option<&'a str> {
    let field = match node.kind() {
        "function_item" | "function_definition" | "class_definition" | "trait_item" | "mod_item" => "name",
        "impl_item" => "type",
        _ => return None,
    };
    let name = &source[node.child_by_field_name(field)?.byte_range()];
    // The type's arguments tell nobody what the method does.
    name.split('<').next()
}

fn function(node: Node<'_>, source: &str, name: &str) -> Function {
    let first = with_what_belongs_above(node);
    let text = &source[first.start_byte()..node.end_byte()];
    Function {
        name: name.to_owned(),
        documentation: documentation(node, first, source),
        text: beginning(text, MAX_TEXT).to_owned(),
        start_line: line(first.start_position().row),
        end_line: line(node.end_position().row),
    }
}

/// The first of the comments and attributes above a function, or the function; Python's decorators stand around it.
fn with_what_belongs_above(node: Node<'_>) -> Node<'_> {
    let mut first = match node.parent() {
        Some(parent) if parent.kind() == "decorated_definition" => parent,
        _ => node,
    };
    while let Some(above) = first.prev_sibling() {
        let touches = above.end_position().row + 1 >= first.start_position().row;
        if !touches || !matches!(above.kind(), "line_comment" | "block_comment" | "comment" | "attribute_item") {
            break;
        }
        first = above;
    }
    first
}

fn documentation(node: Node<'_>, first: Node<'_>, source: &str) -> String {
    let above = source[first.start_byte()..node.start_byte()].lines().map(str::trim);
    let comments = above.filter(|line| line.starts_with("//") || line.starts_with('#') && !line.starts_with("#["));
    let docstring = node.child_by_field_name("body").and_then(|body| body.named_child(0));
    let docstring = docstring.filter(|first| matches!(first.kind(), "expression_statement" | "string"));
    let docstring = docstring.map(|first| &source[first.byte_range()]).filter(|text| text.contains('"'));
    let lines = comments.chain(docstring).map(|line| line.trim_matches(['/', '#', '!', '"', ' ']));
    lines.collect::<Vec<_>>().join(" ")
}

fn line(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX).saturating_add(1)
}

fn beginning(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::{Function, Language, functions};

    fn named(functions: &[Function]) -> Vec<&str> {
        functions.iter().map(|function| function.name.as_str()).collect()
    }

    #[test]
    fn rust_functions_are_found_with_what_stands_above_them() {
        let source = "use std::fmt;\n\nimpl<T> Cache<T> {\n    /// Looks it up.\n    #[inline]\n    pub fn get(&self) {\n        fn inner() {}\n    }\n}\n\nmod deep { fn low() {} }\n";
        let found = functions(source, Language::Rust);
        assert_eq!(named(&found), ["Cache::get", "Cache::get::inner", "deep::low"]);
        let get = &found[0];
        assert_eq!((get.start_line, get.end_line, get.documentation.as_str()), (4, 8, "Looks it up."));
        assert!(get.text.starts_with("/// Looks it up.") && get.text.ends_with('}'), "{}", get.text);
    }

    #[test]
    fn python_functions_are_found_with_decorator_and_docstring() {
        let source = "class Shop:\n    n = 1\n    # Sells.\n    @log\n    def sell(self, n):\n        \"\"\"Sells n pieces.\"\"\"\n        return n\n";
        let found = functions(source, Language::Python);
        assert_eq!(named(&found), ["Shop::sell"]);
        assert_eq!((found[0].start_line, found[0].end_line), (3, 7));
        assert!(found[0].documentation.contains("Sells n pieces."), "{:?}", found[0]);
        assert!(found[0].text.contains("@log"), "{:?}", found[0]);
    }

    #[test]
    fn what_cannot_be_parsed_hides_nothing_else() {
        let found = functions("fn good() {}\n%%% ((\nfn better() {}\n", Language::Rust);
        assert!(named(&found).contains(&"good"), "{found:?}");
        assert_eq!(functions("", Language::Python), []);
    }
}
