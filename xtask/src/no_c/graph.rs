//! What the default build is made of: no crate in it may compile C or look for a C library.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use super::allowed::{ALLOWED, Allowed};

/// Crates that compile C, or look for what others have compiled.
const COMPILERS: [&str; 7] =
    ["cc", "cmake", "bindgen", "pkg-config", "vcpkg", "nasm-rs", "autotools"];

/// Crates that are C, or bind it.
const BINDINGS: [&str; 3] = ["ring", "aws-lc-rs", "openssl"];

/// Members of the workspace that nobody gets.
const OWN_TOOLS: [&str; 5] =
    ["xtask", "milena-tests", "kafka-lab", "milena-benches", "milena-count"];

/// Checks what the default build has, for all targets together. Needs no network.
///
/// # Errors
///
/// Every crate that must not be there, or that nobody has looked at.
pub(super) fn check() -> Result<(), String> {
    let tree = cargo(&["tree", "--workspace", "--edges", "normal,build", "--target", "all"])?;
    let metadata = cargo(&["metadata", "--format-version", "1"])?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|error| format!("cargo metadata gave no JSON: {error}"))?;
    let problems = problems(&packages(&tree), &metadata, ALLOWED);
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// Name and version of each package that a tree has.
fn packages(tree: &str) -> BTreeSet<(String, String)> {
    tree.lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            let version = rest.split(' ').next()?;
            Some((name.to_owned(), version.to_owned()))
        })
        .collect()
}

/// What is wrong with these packages, of which the metadata knows more.
fn problems(
    packages: &BTreeSet<(String, String)>,
    metadata: &Value,
    allowed: &[Allowed],
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut looked_at = BTreeSet::new();
    for (name, version) in packages {
        let name = name.as_str();
        if COMPILERS.contains(&name) || BINDINGS.contains(&name) {
            problems.push(format!("{name} {version} is in the default build: it has to do with C"));
            continue;
        }
        let known = list(metadata, "packages")
            .iter()
            .find(|package| package["name"] == name && package["version"] == version.as_str());
        let Some(package) = known else {
            problems.push(format!("{name} {version}: cargo metadata does not know it"));
            continue;
        };
        let Some(why) = suspicion(name, package) else { continue };
        looked_at.insert(name);
        if !allowed.iter().any(|allowed| allowed.name == name) {
            problems.push(format!(
                "{name} {version} {why}: if it compiles no C, add it to xtask/src/no_c/allowed.rs \
                 with the reason"
            ));
        }
    }
    for Allowed { name, .. } in allowed {
        if !looked_at.contains(name) {
            problems.push(format!(
                "{name} is allowed and not in the default build: take it out of \
                 xtask/src/no_c/allowed.rs"
            ));
        }
    }
    problems
}

/// Why somebody has to look at a package, if anything says so.
fn suspicion(name: &str, package: &Value) -> Option<String> {
    let is_build = |dependency: &&Value| dependency["kind"] == "build";
    let compiler = list(package, "dependencies")
        .iter()
        .filter(is_build)
        .filter_map(|dependency| dependency["name"].as_str())
        .find(|name| COMPILERS.contains(name));
    if let Some(compiler) = compiler {
        return Some(format!("builds with {compiler}"));
    }
    if let Some(library) = package["links"].as_str() {
        return Some(format!("has links = {library:?}"));
    }
    if name.ends_with("-sys") {
        return Some("is called -sys".to_owned());
    }
    let has_script = list(package, "targets")
        .iter()
        .any(|target| list(target, "kind").iter().any(|kind| kind == "custom-build"));
    has_script.then(|| "runs a build script".to_owned())
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What cargo prints without asking anybody.
fn cargo(arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).args(["--offline", "--locked"]).current_dir(crate::root());
    if arguments[0] == "tree" {
        command.args(["--prefix", "none", "--format", "{p}"]);
        command.args(OWN_TOOLS.iter().flat_map(|name| ["--exclude", name]));
    }
    let output =
        command.output().map_err(|error| format!("cargo could not be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let error = String::from_utf8_lossy(&output.stderr);
    Err(format!("cargo {}: {}", arguments.join(" "), error.trim()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, more: &Value) -> Value {
        let mut package = json!({
            "name": name, "version": "1.0.0", "links": null, "dependencies": [],
            "targets": [{ "kind": ["lib"] }],
        });
        for (field, value) in more.as_object().unwrap() {
            package[field] = value.clone();
        }
        package
    }

    fn said(packages: &[Value], allowed: &[Allowed]) -> Vec<String> {
        let tree: String = packages
            .iter()
            .map(|package| format!("{} v1.0.0 (*)\n", package["name"].as_str().unwrap()))
            .collect();
        problems(&super::packages(&tree), &json!({ "packages": packages }), allowed)
    }

    #[test]
    fn a_crate_that_could_compile_c_must_be_looked_at() {
        for (name, more, why) in [
            ("zstd-sys", json!({}), "is called -sys"),
            ("zstd", json!({ "links": "zstd" }), "has links = \"zstd\""),
            (
                "snow",
                json!({ "dependencies": [{ "name": "cc", "kind": "build" }] }),
                "builds with cc",
            ),
            ("serde", json!({ "targets": [{ "kind": ["custom-build"] }] }), "runs a build script"),
        ] {
            let packages = [package(name, &more), package("plain", &json!({}))];
            let [problem] = said(&packages, &[]).try_into().unwrap();
            assert!(problem.starts_with(&format!("{name} 1.0.0 {why}: ")), "{problem}");
            let allowed = [Allowed { name, reason: "none" }];
            assert!(said(&packages, &allowed).is_empty());
        }
    }

    #[test]
    fn what_compiles_c_cannot_be_allowed() {
        let allowed = [Allowed { name: "cc", reason: "none" }];
        let problems = said(&[package("cc", &json!({}))], &allowed);
        assert!(problems[0].contains("is in the default build"), "{problems:?}");
    }

    #[test]
    fn what_has_gone_is_not_allowed_any_more() {
        let problems = said(&[], &[Allowed { name: "old-sys", reason: "none" }]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("old-sys is allowed and not in"), "{problems:?}");
    }

    #[test]
    fn every_allowed_crate_is_named_once_with_a_reason() {
        assert!(ALLOWED.is_sorted_by(|a, b| a.name < b.name));
        assert!(ALLOWED.iter().all(|allowed| !allowed.reason.is_empty()));
    }
}
