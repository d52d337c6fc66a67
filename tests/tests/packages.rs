//! The packages: what a person gets from crates.io has the texts of its licences, a README whose
//! links lead somewhere, and a page on docs.rs.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const PACKAGES: [&str; 4] = ["breaker-core", "breaker-macros", "breaker-axum", "breaker-tower"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files that cargo would pack.
fn files(package: &str) -> Vec<String> {
    let listed = Command::new(env!("CARGO"))
        .args(["package", "--list", "--offline", "--allow-dirty", "-p", package])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn each_package_has_the_texts_of_its_licences_and_a_readme() {
    for package in PACKAGES {
        let files = files(package);
        for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md"] {
            assert!(files.iter().any(|packed| packed == file), "{package} has no {file}: {files:?}");
        }
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let (packed, whole) = (root().join(package).join(licence), root().join(licence));
            assert_eq!(fs::read_to_string(packed).unwrap(), fs::read_to_string(whole).unwrap(), "{package}: {licence}");
        }
    }
}

/// Where the links and pictures of a document lead, also those that are written apart.
fn targets(document: &str) -> Vec<&str> {
    let inline = document.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let apart = document.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).map(|(_, target)| target);
    let html = ["src=\"", "href=\""].into_iter().flat_map(|name| document.split(name).skip(1));
    inline.chain(apart).chain(html.filter_map(|rest| rest.split('"').next())).collect()
}

#[test]
fn the_links_of_a_readme_lead_somewhere_on_crates_io() {
    for package in PACKAGES {
        let readme = fs::read_to_string(root().join(package).join("README.md")).unwrap();
        let targets = targets(&readme);
        assert!(!targets.is_empty(), "{package}");
        for target in targets {
            assert!(
                target.starts_with("https://docs.rs/") || target.starts_with("https://crates.io/"),
                "{package}: {target}"
            );
        }
    }
    assert_eq!(targets("[a](b.md) ![c](d.png)\n[e]: f\n<img src=\"g\">"), ["b.md", "d.png", "f", "g"]);
}

#[test]
fn each_package_has_its_page_on_docs_rs() {
    for package in PACKAGES {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("\ndocumentation = \"https://docs.rs/{package}\"\n")), "{package}");
        let has_features = manifest.contains("\n[features]\n");
        let all = manifest.contains("\n[package.metadata.docs.rs]\nall-features = true\n");
        assert_eq!(all, has_features, "{package}: what a feature brings is to be seen there");
    }
}

/// The documentation at the top of a file.
fn head(file: &str) -> String {
    let text = fs::read_to_string(root().join(file)).unwrap();
    text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n")
}

/// The features of a package.
fn features(package: &str) -> Vec<String> {
    let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
    let features = manifest.split("\n[features]\n").nth(1).unwrap().split("\n[").next().unwrap();
    features.lines().filter_map(|line| line.split_once(" = [")).map(|(feature, _)| feature.to_owned()).collect()
}

#[test]
fn each_feature_is_on_the_first_page_or_in_the_table_of_versions() {
    let presets = head("breaker-core/src/classify/presets/mod.rs");
    let versions = presets.split("\n//! # Versions\n").nth(1).unwrap().split("\n//! # ").next().unwrap();
    for package in ["breaker-core", "breaker-axum", "breaker-tower"] {
        let page = head(&format!("{package}/src/lib.rs"));
        let listed = page.split("\n//! # Features\n").nth(1).unwrap().split("\n//! # ").next().unwrap();
        for feature in features(package).iter().filter(|feature| *feature != "default") {
            let (listed, in_versions) =
                (listed.contains(&format!("- `{feature}`:")), versions.contains(&format!("`{feature}`")));
            assert!(listed || in_versions, "{package}: {feature}");
            let of_a_preset = package == "breaker-core" && feature.contains(|c: char| c.is_ascii_digit());
            assert!(!of_a_preset || in_versions, "the table of versions has no {feature}");
        }
    }
}

#[test]
fn the_default_features_are_listed_first() {
    for package in ["breaker-core", "breaker-axum"] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        let default = manifest.split("\ndefault = [").nth(1).unwrap().split(']').next().unwrap();
        let default: BTreeSet<_> = default.split(", ").map(|feature| feature.trim_matches('"').to_owned()).collect();
        let page = head(&format!("{package}/src/lib.rs"));
        let first =
            page.split("\n//! Default features:\n").nth(1).unwrap().split("\n//! Other features:\n").next().unwrap();
        let listed: BTreeSet<_> =
            first.split("\n//! - `").skip(1).filter_map(|item| item.split('`').next()).map(str::to_owned).collect();
        assert_eq!(listed, default, "{package}");
    }
}
