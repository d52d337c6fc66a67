//! Walks through a syntax tree step by step, since a tree can be deeper than any stack.

use tree_sitter::{Node, Tree, TreeCursor};

use super::{Function, beginning};

/// The deepest level of a syntax tree that is visited. Hand-written code has up to a few hundred:
/// each block takes two or three, each chained call two.
pub(super) const MAX_DEPTH: usize = 1_000;

/// The longest kept name, in bytes, with the names of its scopes.
const MAX_NAME: usize = 500;

/// How much of a function's documentation is kept, in bytes.
const MAX_DOCUMENTATION: usize = 4 * 1024;

/// A function in its source.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) text: &'a str,
    name: String,
    documentation: String,
    lines: (u32, u32),
}

impl Place<'_> {
    pub(super) fn function(&self) -> Function {
        let (text, (start_line, end_line)) = (self.text.to_owned(), self.lines);
        Function { name: self.name.clone(), documentation: self.documentation.clone(), text, start_line, end_line }
    }
}

/// The content of a tree, down to the deepest level.
#[derive(Debug)]
pub(super) struct Walked<'a> {
    /// The first functions.
    pub(super) found: Vec<Place<'a>>,
    /// How many more there are.
    pub(super) more: usize,
    /// The first line with something deeper.
    pub(super) too_deep: Option<u32>,
}

/// The first `most` functions of a tree.
pub(super) fn functions<'a>(tree: &Tree, source: &'a str, most: usize) -> Walked<'a> {
    let walked = Walked { found: Vec::new(), more: 0, too_deep: None };
    let mut walk = Walk { source, most, names: String::new(), walked };
    let mut cursor = tree.walk();
    // For each level above the cursor, the scope of its nodes.
    let mut levels = vec![Level::default()];
    while let Some(level) = levels.last_mut() {
        let node = cursor.node();
        let inside = walk.enter(node, level);
        // The cursor's own depth method counts its levels each time.
        if levels.len() == MAX_DEPTH && node.child_count() > 0 {
            walk.walked.too_deep.get_or_insert_with(|| line(node.start_position().row));
        } else if cursor.goto_first_child() {
            levels.push(inside);
            continue;
        }
        leave(&mut cursor, &mut levels);
    }
    walk.walked
}

/// Moves to the next node, if there is one.
fn leave<'tree>(cursor: &mut TreeCursor<'tree>, levels: &mut Vec<Level<'tree>>) {
    while !cursor.goto_next_sibling() {
        levels.pop();
        if !cursor.goto_parent() {
            return;
        }
    }
}

/// What the nodes of one level share.
#[derive(Debug, Default)]
struct Level<'tree> {
    /// The length of the scopes' names.
    names: usize,
    /// The beginning of a function with decorators before it.
    decorated: Option<Node<'tree>>,
    /// The first of the comments and attributes directly above the next one, and the last line of
    /// them.
    above: Option<(Node<'tree>, usize)>,
}

struct Walk<'a> {
    source: &'a str,
    most: usize,
    /// The names of the current node's scopes.
    names: String,
    walked: Walked<'a>,
}

impl<'a> Walk<'a> {
    /// Visits a node, and returns what its children share.
    fn enter<'tree>(&mut self, node: Node<'tree>, level: &mut Level<'tree>) -> Level<'tree> {
        let touches = |(first, last): (Node<'tree>, usize)| (last + 1 >= node.start_position().row).then_some(first);
        let first = level.above.and_then(touches).or(level.decorated).unwrap_or(node);
        let belongs_below = matches!(node.kind(), "line_comment" | "block_comment" | "comment" | "attribute_item");
        level.above = belongs_below.then(|| (first, node.end_position().row));
        self.names.truncate(level.names);
        if let Some(name) = name_of(node, self.source) {
            if !self.names.is_empty() {
                self.names.push_str("::");
            }
            self.names.push_str(beginning(name, MAX_NAME));
            if matches!(node.kind(), "function_item" | "function_definition") {
                self.keep(node, first);
            }
        }
        let decorated = (node.kind() == "decorated_definition").then_some(first);
        Level { names: self.names.len(), decorated, above: None }
    }

    fn keep(&mut self, node: Node<'_>, first: Node<'_>) {
        if self.walked.found.len() == self.most {
            self.walked.more += 1;
            return;
        }
        self.walked.found.push(Place {
            text: &self.source[first.start_byte()..node.end_byte()],
            // The last names say the most.
            name: ending(&self.names, MAX_NAME).to_owned(),
            documentation: documentation(node, first, self.source),
            lines: (line(first.start_position().row), line(node.end_position().row)),
        });
    }
}

/// The scope name that a node gives to its children.
fn name_of<'a>(node: Node<'_>, source: &'a str) -> Option<&'a str> {
    let field = match node.kind() {
        "function_item" | "function_definition" | "class_definition" | "trait_item" | "mod_item" => "name",
        "impl_item" => "type",
        _ => return None,
    };
    let name = &source[node.child_by_field_name(field)?.byte_range()];
    // The type's arguments say nothing about the method.
    name.split('<').next()
}

/// The comments above a function, and Python's docstring.
fn documentation(node: Node<'_>, first: Node<'_>, source: &str) -> String {
    let above = beginning(&source[first.start_byte()..node.start_byte()], MAX_DOCUMENTATION).lines().map(str::trim);
    let comments = above.filter(|line| line.starts_with("//") || line.starts_with('#') && !line.starts_with("#["));
    let lines = comments.chain(docstring(node, source)).map(|line| line.trim_matches(['/', '#', '!', '"', ' ']));
    lines.collect::<Vec<_>>().join(" ")
}

fn docstring<'a>(node: Node<'_>, source: &'a str) -> Option<&'a str> {
    let body = node.child_by_field_name("body").filter(|_| node.kind() == "function_definition")?;
    let first = body.named_child(0).filter(|first| matches!(first.kind(), "expression_statement" | "string"))?;
    Some(beginning(&source[first.byte_range()], MAX_DOCUMENTATION)).filter(|text| text.contains('"'))
}

fn line(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX).saturating_add(1)
}

fn ending(text: &str, most: usize) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(most))..]
}
