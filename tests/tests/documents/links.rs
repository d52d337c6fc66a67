//! Checks that each link, image, label and heading of the Markdown files leads somewhere, without a
//! network.

use crate::markdown::{headings, links};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Pages that rustdoc shows below an item's own title.
const ITEMS: &str = "breaker-macros/docs";

const GUIDE: &str = "docs/guide";

const DOCS_RS: &str = "https://docs.rs/";

/// A text whose headings are none of ours: what the assistant reads, and what a writer fills in.
const OTHER_HEADINGS: &[&str] = &["examples/src/assistant/notes.md", ".github/PULL_REQUEST_TEMPLATE.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Markdown files of the repository below this folder, by their paths from the root.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap());
    for (entry, kind) in entries.map(|entry| (entry.file_name(), entry.file_type().unwrap())) {
        let name = entry.to_str().expect("a name in UTF-8");
        let is_left_out = name == "target" || name == "node_modules" || name.starts_with('.') && name != ".github";
        if kind.is_dir() && !is_left_out {
            found.extend(documents(&folder.join(name)));
        } else if kind.is_file() && name.ends_with(".md") {
            found.push(folder.join(name));
        }
    }
    found.sort();
    found
}

/// `docs/retries.md` for `docs/guide/../retries.md`; nothing for a path out of the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name),
            Component::ParentDir => parts.pop().then_some(())?,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts)
}

/// The documentation of a Rust file, or the Markdown itself.
fn shown(path: &Path) -> String {
    let text = read(path);
    if path.extension().is_some_and(|extension| extension == "rs") {
        let lines = text.lines().filter_map(|line| line.strip_prefix("//!"));
        return lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
    }
    text
}

/// What is wrong with a place of the repository.
fn wrong_place(path: &Path, anchor: &str) -> Option<String> {
    if !root().join(path).exists() {
        return Some(format!("there is no {}", path.display()));
    }
    let is_read = path.extension().is_some_and(|extension| extension == "md" || extension == "rs");
    let is_there = || headings(&shown(path)).iter().any(|heading| heading.anchor == anchor);
    let is_dead = !(anchor.is_empty() || is_read && is_there());
    is_dead.then(|| format!("{} has no heading #{anchor}", path.display()))
}

/// Whether a source of the package has this item, as `pub fn health_router`.
fn is_public(package: &str, item: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    crate::sources(&root().join(package).join("src")).split(item).skip(1).any(is_end)
}

/// The file that a page of docs.rs is made of; nothing for a page that is not known.
fn of_docs_rs(page: &str) -> Option<PathBuf> {
    let page = page.trim_end_matches("index.html").trim_end_matches('/');
    let path = match page.split('/').collect::<Vec<_>>()[..] {
        [name] => format!("{name}/src/lib.rs"),
        ["breaker-core", "latest", "breaker_core"] => "breaker-core/src/lib.rs".to_owned(),
        ["breaker-axum", "latest", "breaker_axum"] => "breaker-axum/src/lib.rs".to_owned(),
        ["breaker-tower", "latest", "breaker_tower"] => "breaker-tower/src/lib.rs".to_owned(),
        ["breaker-core", "latest", "breaker_core", "_guide"] => "breaker-core/src/_guide.rs".to_owned(),
        ["breaker-core", "latest", "breaker_core", "_guide", name] => format!("{GUIDE}/{name}.md"),
        ["breaker-core", "latest", "breaker_core", "presets"] => "breaker-core/src/classify/presets/mod.rs".to_owned(),
        [package, "latest", module, item] if module == package.replace('-', "_") => {
            let (kind, name) = item.strip_suffix(".html")?.split_once('.')?;
            match kind {
                "attr" | "derive" if package == "breaker-core" => format!("{ITEMS}/{}.md", name.to_lowercase()),
                _ => is_public(package, &format!("pub {kind} {name}")).then(|| format!("{package}/src/lib.rs"))?,
            }
        }
        _ => return None,
    };
    Some(path.into())
}

/// What is wrong with the target of a link in this document.
fn wrong_target(document: &Path, target: &str) -> Option<String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    if let Some(page) = path.strip_prefix(DOCS_RS).filter(|page| page.starts_with("breaker-")) {
        return of_docs_rs(page).map_or_else(|| Some("no known page".to_owned()), |path| wrong_place(&path, anchor));
    }
    if ["https://", "http://", "mailto:"].iter().any(|scheme| path.starts_with(scheme)) {
        return None;
    }
    if path.is_empty() {
        return wrong_place(document, anchor);
    }
    let folder = document.parent().unwrap_or(Path::new(""));
    let path = normal(&folder.join(path));
    path.map_or_else(|| Some("it leads out of the repository".to_owned()), |path| wrong_place(&path, anchor))
}

/// Everything that is wrong with the links of a document with this text.
fn problems(document: &Path, text: &str) -> Vec<String> {
    let links = links(text);
    let targets = links.inline.iter().chain(links.definitions.values());
    let mut problems: Vec<_> =
        targets.filter_map(|target| Some(format!("{target}: {}", wrong_target(document, target)?))).collect();
    let is_defined = |label: &&String| links.definitions.contains_key(*label);
    let undefined = links.references.iter().filter(|label| !is_defined(label));
    problems.extend(undefined.map(|label| format!("[{label}] has no definition")));
    let is_used = |label: &&String| links.references.contains(*label) || links.alone.contains(*label);
    let unused = links.definitions.keys().filter(|label| !is_used(label));
    problems.extend(unused.map(|label| format!("[{label}] is defined and not used")));
    if document.starts_with(GUIDE) {
        // On docs.rs a page is no file, so a link to another one needs a label.
        let files = links.inline.iter().filter(|target| !target.starts_with('#') && !target.starts_with("http"));
        problems.extend(files.map(|target| format!("{target}: needs a label of _guide.rs")));
        let alone = links.alone.iter().filter(|label| !is_defined(label));
        problems.extend(alone.map(|label| format!("[{label}] is no link")));
    }
    problems
}

#[test]
fn each_link_of_each_document_leads_somewhere() {
    let documents = documents(Path::new(""));
    assert!(documents.len() > 20, "{documents:?}");
    let all = documents.iter().flat_map(|path| {
        problems(path, &read(path)).into_iter().map(|problem| format!("{}: {problem}", path.display()))
    });
    assert_eq!(all.collect::<Vec<_>>().join("\n"), "");
}

#[test]
fn each_form_of_a_dead_link_is_found() {
    let check = |text: &str| problems(&Path::new(GUIDE).join("retries.md"), text).join(", ");
    for (text, expected) in [
        ("[a](#no-such-heading)", "#no-such-heading: docs/guide/retries.md has no heading #no-such-heading"),
        ("[a][b]\n\n[b]: no_such_page.md", "no_such_page.md: there is no docs/guide/no_such_page.md"),
        ("[b]\n\n[b]: failures.md#no", "failures.md#no: docs/guide/failures.md has no heading #no"),
        ("[b]\n\n[b]: ../../../x.md", "../../../x.md: it leads out of the repository"),
        ("[a][b]", "[b] has no definition"),
        ("a [b] c", "[b] is no link"),
        ("[b]: failures.md", "[b] is defined and not used"),
        ("[a](failures.md)", "failures.md: needs a label of _guide.rs"),
        ("![a](https://example.test/x.png)", ""),
        (
            "[a](https://docs.rs/breaker-core/latest/breaker_core/_guide/no_page/)",
            "https://docs.rs/breaker-core/latest/breaker_core/_guide/no_page/: there is no docs/guide/no_page.md",
        ),
        (
            "[a](https://docs.rs/breaker-core/latest/breaker_core/attr.no.html)",
            "https://docs.rs/breaker-core/latest/breaker_core/attr.no.html: there is no breaker-macros/docs/no.md",
        ),
        ("[a](https://docs.rs/breaker-axum/1/x/)", "https://docs.rs/breaker-axum/1/x/: no known page"),
        (
            "[a](https://docs.rs/breaker-axum/latest/breaker_axum/fn.health_route.html)",
            "https://docs.rs/breaker-axum/latest/breaker_axum/fn.health_route.html: no known page",
        ),
        ("[a](https://docs.rs/breaker-axum/latest/breaker_axum/fn.health_router.html)", ""),
        (
            "[a](https://docs.rs/breaker-core/latest/breaker_core/_guide/failures/) [b](https://docs.rs/breaker-core)",
            "",
        ),
    ] {
        assert_eq!(check(text), expected, "{text}");
    }
    let picture = problems(Path::new("README.md"), "<img src=\"docs/images/none.svg\"> ![a](docs/images/states.svg)");
    assert_eq!(picture, ["docs/images/none.svg: there is no docs/images/none.svg"]);
}

/// What `_guide.rs` has: its labels with their targets, its pages, and the labels of pictures,
/// which it embeds.
fn guide_module() -> (BTreeMap<String, String>, Vec<String>, Vec<String>) {
    let text = read(Path::new("breaker-core/src/_guide.rs"));
    let labels = text.lines().filter_map(|line| line.trim().strip_prefix("/// [")?.split_once("]: "));
    let (_, rows) = text.split_once("\npages! {").unwrap();
    let pages = rows.lines().filter_map(|line| Some(line.trim().split_once(": \"")?.0.to_owned()));
    let pictures = rows.lines().filter_map(|line| Some(line.split_once("[\"")?.1.split_once('"')?.0.to_owned()));
    (labels.map(|(label, target)| (label.to_owned(), target.to_owned())).collect(), pages.collect(), pictures.collect())
}

/// What a label of `_guide.rs` is in a page of a checkout.
fn in_a_checkout(target: &str) -> String {
    let (item, anchor) = target.split_once('#').map_or((target, String::new()), |(item, at)| (item, format!("#{at}")));
    match item.split_once("@crate::") {
        Some(("mod", "presets")) => "../../breaker-core/src/classify/presets/mod.rs".to_owned(),
        Some(("mod", module)) => format!("{}.md{anchor}", module.trim_start_matches("_guide::")),
        Some((_, name)) => format!("../../{ITEMS}/{}.md{anchor}", name.to_lowercase()),
        None => target.to_owned(),
    }
}

#[test]
fn each_label_of_the_guide_means_the_same_in_a_checkout_and_on_docs_rs() {
    let (labels, _, pictures) = guide_module();
    assert!(labels.len() > 20, "{labels:?}");
    let mut wrong = Vec::new();
    for page in documents(Path::new(GUIDE)) {
        for (label, target) in links(&read(&page)).definitions {
            let expected = labels.get(&label).map(|target| in_a_checkout(target));
            let is_web = expected.is_none() && target.starts_with("https://");
            let is_picture = pictures.contains(&label) && target.ends_with(".png");
            if !is_web && !is_picture && expected.as_deref() != Some(&target) {
                wrong.push(format!("{}: [{label}]: {target}, in _guide.rs {expected:?}", page.display()));
            }
        }
    }
    assert_eq!(wrong.join("\n"), "");
}

#[test]
fn each_row_of_the_guide_leads_to_a_page() {
    let (labels, mut pages, _) = guide_module();
    let absent = labels.iter().filter_map(|(label, target)| {
        let (item, anchor) = target.split_once('#').unwrap_or((target, ""));
        let path = normal(&Path::new(GUIDE).join(in_a_checkout(item))).unwrap();
        Some(format!("[{label}]: {}", wrong_place(&path, anchor)?))
    });
    assert_eq!(absent.collect::<Vec<_>>().join("\n"), "");
    pages.sort();
    let files = documents(Path::new(GUIDE));
    let files: Vec<_> = files.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(pages, files);
}

/// What is wrong with the headings of a document: one title in its first line, no level left out,
/// and no end of a sentence.
fn wrong_headings(document: &Path, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_item = document.starts_with(ITEMS);
    let headings = headings(text);
    if !is_item && headings.first().is_none_or(|first| first.line != 1 || first.level != 1) {
        wrong.push("no title in the first line".to_owned());
    }
    let mut before = 0;
    for heading in &headings {
        let (line, level) = (heading.line, heading.level);
        if level > before + 1 {
            wrong.push(format!("line {line}: a level is left out before `{}`", heading.text));
        }
        if !is_item && level == 1 && before > 0 {
            wrong.push(format!("line {line}: a second title, `{}`", heading.text));
        }
        if heading.text.is_empty() || heading.text.ends_with(['.', ':', '!', ',', ';']) {
            wrong.push(format!("line {line}: `{}` ends as a sentence does", heading.text));
        }
        before = level;
    }
    wrong
}

#[test]
fn the_headings_of_each_document_are_in_one_style() {
    let documents = documents(Path::new(""));
    let is_read = |path: &&PathBuf| !OTHER_HEADINGS.iter().any(|other| path.ends_with(other));
    let all = documents.iter().filter(is_read).flat_map(|path| {
        wrong_headings(path, &read(path)).into_iter().map(|problem| format!("{}: {problem}", path.display()))
    });
    assert_eq!(all.collect::<Vec<_>>().join("\n"), "");
}

#[test]
fn each_mistake_in_headings_is_found() {
    let check = |text: &str| wrong_headings(Path::new("README.md"), text).join(", ");
    assert_eq!(check("# A\n\n## B\n\n### C\n\n## D"), "");
    assert_eq!(check("text\n# A"), "no title in the first line");
    assert_eq!(check("# A\n### B"), "line 2: a level is left out before `B`");
    assert_eq!(check("# A\n# B"), "line 2: a second title, `B`");
    assert_eq!(check("# A\n## B:"), "line 2: `B:` ends as a sentence does");
    assert_eq!(wrong_headings(Path::new("breaker-macros/docs/x.md"), "text\n\n# A\n\n# B"), [""; 0]);
}
