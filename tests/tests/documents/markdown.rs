//! Reads what the checks of links need of a Markdown file: links, images, labels and headings.

use std::collections::{BTreeMap, BTreeSet};

/// A heading: its line, its level, its text, and the anchor that GitHub and rustdoc give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heading {
    pub line: usize,
    pub level: usize,
    pub text: String,
    pub anchor: String,
}

/// What a document has of links.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Targets of inline links, images and HTML attributes.
    pub inline: Vec<String>,
    /// Targets of `[label]: target`, by label.
    pub definitions: BTreeMap<String, String>,
    /// Labels of `[text][label]` and of `[label][]`.
    pub references: BTreeSet<String>,
    /// `[text]` alone, which is a link if it has a definition.
    pub alone: BTreeSet<String>,
}

/// The lines, where those of code blocks are empty.
pub(crate) fn without_code_blocks(text: &str) -> Vec<&str> {
    let mut fence: Option<&str> = None;
    let prose = |line| {
        let trimmed = str::trim_start(line);
        let marks = trimmed.len() - trimmed.trim_start_matches(['`', '~']).len();
        match fence {
            Some(open) if trimmed.starts_with(open) && trimmed[marks..].trim().is_empty() => fence = None,
            Some(_) => {}
            None if marks >= 3 && (trimmed.starts_with("```") || trimmed.starts_with("~~~")) => {
                fence = Some(&trimmed[..marks]);
            }
            None => return line,
        }
        ""
    };
    text.lines().map(prose).collect()
}

/// The headings, each with an anchor of its own.
pub(crate) fn headings(text: &str) -> Vec<Heading> {
    let mut counts = BTreeMap::new();
    let heading = |(index, line): (usize, &str)| {
        let level = line.len() - line.trim_start_matches('#').len();
        let text = line[level..].strip_prefix(' ').filter(|_| (1..=6).contains(&level))?.trim();
        let slug = slug(text);
        let count = counts.entry(slug.clone()).and_modify(|count| *count += 1).or_insert(0);
        let anchor = if *count == 0 { slug } else { format!("{slug}-{count}") };
        Some(Heading { line: index + 1, level, text: text.to_owned(), anchor })
    };
    without_code_blocks(text).into_iter().enumerate().filter_map(heading).collect()
}

/// The anchor of a heading: lower case, letters, digits, `-` and `_` only, and a `-` for a space.
fn slug(heading: &str) -> String {
    let mut text = without_code_spans(heading);
    // The address of a link is not shown.
    while let Some((start, length)) =
        text.find("](").and_then(|start| Some((start, text[start..].find(')')?))).filter(|_| text.contains('['))
    {
        text.replace_range(start..=start + length, "");
    }
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '\u{1}'));
    kept.filter(|c| *c != '\u{1}').collect::<String>().to_lowercase().replace(' ', "-")
}

/// The text, where brackets and other marks inside code spans and after a `\` are no markup any
/// more.
fn without_code_spans(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(['`', '\\']) {
        out.push_str(&rest[..start]);
        let (length, shown) = if rest[start..].starts_with('\\') {
            let next = rest[start + 1..].chars().next().map_or(0, char::len_utf8);
            (1 + next, &rest[start + 1..start + 1 + next])
        } else {
            code_span(&rest[start..])
        };
        out.extend(shown.chars().map(|c| if "[]()<>\"!".contains(c) { '\u{1}' } else { c }));
        rest = &rest[start + length..];
    }
    out + rest
}

/// Of a text that begins with backticks: how long the code span is, and what is in it. Backticks
/// without an end in the same paragraph are text.
fn code_span(text: &str) -> (usize, &str) {
    let marks = text.len() - text.trim_start_matches('`').len();
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let mut at = marks;
    while let Some(found) = paragraph[at..].find('`') {
        let begin = at + found;
        let run = paragraph[begin..].len() - paragraph[begin..].trim_start_matches('`').len();
        if run == marks {
            return (begin + run, &text[marks..begin]);
        }
        at = begin + run;
    }
    (marks, "")
}

/// A label as references are compared: lower case, and one space between words.
fn label(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

pub(crate) fn links(text: &str) -> Links {
    let prose = without_code_spans(&without_code_blocks(text).join("\n"));
    let mut links = Links::default();
    for attribute in ["src=\"", "srcset=\"", "href=\""] {
        let values = prose.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
        links.inline.extend(values.map(str::to_owned));
    }
    let mut open = Vec::new();
    for (at, c) in prose.char_indices() {
        match c {
            '[' => open.push(at),
            ']' => {
                if let Some(start) = open.pop() {
                    add(&mut links, &prose, start, at);
                }
            }
            // No link goes beyond its paragraph.
            '\n' if prose[at + 1..].starts_with('\n') => open.clear(),
            _ => {}
        }
    }
    links
}

/// Adds what the brackets from `start` to `end` are: by what is before and behind them.
fn add(links: &mut Links, prose: &str, start: usize, end: usize) {
    let (text, before, behind) = (label(&prose[start + 1..end]), &prose[..start], &prose[end + 1..]);
    if before.ends_with(']') && !text.is_empty() {
        links.references.insert(text);
    } else if let Some(target) = behind.strip_prefix('(') {
        let target = target.split([')', ' ', '\n']).next().unwrap_or_default();
        links.inline.push(target.to_owned());
    } else if let Some(target) = behind.strip_prefix(':').filter(|_| before.is_empty() || before.ends_with('\n')) {
        let target = target.split_whitespace().next().unwrap_or_default();
        links.definitions.insert(text, target.to_owned());
    } else if behind.starts_with("[]") {
        links.references.insert(text);
    } else if !behind.starts_with('[') && !text.is_empty() {
        links.alone.insert(text);
    }
}

#[test]
fn each_form_of_a_link_is_read() {
    let text = "[a](b.md) ![c](d.png \"title\") [![e](f.png)](g.md) `[h](i)` \\[j](k)\n[l][m] [n][] [o] [p\nq][r s]\n\n\
                ```text\n[t](u)\n```\n<img src=\"v.png\" alt=\"w\"> ``[x`](y)``\n\n[m]: z.md#a \"b\"\n";
    let links = links(text);
    assert_eq!(links.inline, ["v.png", "b.md", "d.png", "f.png", "g.md"]);
    assert_eq!(links.references, ["m", "n", "r s"].map(str::to_owned).into());
    assert_eq!(links.alone, ["o".to_owned()].into());
    assert_eq!(links.definitions, [("m".to_owned(), "z.md#a".to_owned())].into());
}

#[test]
fn a_heading_has_the_anchor_that_github_gives_it() {
    let text = "# The *first* one: `a_b(..)`\n## Ok, by [pointer](x.md)!\n```text\n# no heading\n```\n## Twice\n\n### Twice\n#no\n";
    let anchors: Vec<_> =
        headings(text).into_iter().map(|heading| (heading.line, heading.level, heading.anchor)).collect();
    let expected = [(1, 1, "the-first-one-a_b"), (2, 2, "ok-by-pointer"), (6, 2, "twice"), (8, 3, "twice-1")];
    assert_eq!(anchors, expected.map(|(line, level, anchor)| (line, level, anchor.to_owned())));
}
