//! `cargo xtask spec --jar KAFKA_CLIENTS_JAR...`: takes the protocol's facts out of Kafka's own jar into `spec/`.
//!
//! Facts only: names, types, versions, nullability, tags and defaults of every message, and the error
//! codes. The jar's prose is left behind. What is in `spec/` is committed; this runs when a new
//! Kafka is released.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value};

/// Keys of a message, a common struct or a field that are facts, in the order they are written.
const FACTS: [&str; 18] = [
    "apiKey",
    "type",
    "name",
    "listeners",
    "validVersions",
    "versions",
    "flexibleVersions",
    "latestVersionUnstable",
    "nullableVersions",
    "taggedVersions",
    "tag",
    "default",
    "ignorable",
    "mapKey",
    "entityType",
    "zeroCopy",
    "commonStructs",
    "fields",
];

/// Runs the command with the arguments that follow its name.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let [flag, class_path @ ..] = arguments else {
        return Err("usage: cargo xtask spec --jar KAFKA_CLIENTS_JAR [OTHER_JAR...]".into());
    };
    if flag != "--jar" || class_path.is_empty() {
        return Err("usage: cargo xtask spec --jar KAFKA_CLIENTS_JAR [OTHER_JAR...]".into());
    }
    let jar = fs::canonicalize(&class_path[0])
        .map_err(|error| format!("{} cannot be opened: {error}", class_path[0]))?;
    let root = crate::root();
    let unpacked = root.join("target").join("spec");
    let _ = fs::remove_dir_all(&unpacked);
    fs::create_dir_all(&unpacked).map_err(|error| format!("{}: {error}", unpacked.display()))?;
    command("jar", Command::new("jar").arg("xf").arg(&jar).arg("common").current_dir(&unpacked))?;
    messages(&unpacked.join("common").join("message"), &root.join("spec").join("messages"))?;
    let errors = java(&root, class_path, "Errors.java", &[])?;
    let path = root.join("spec").join("errors.json");
    fs::write(&path, errors).map_err(|error| format!("{}: {error}", path.display()))?;
    let config = root.join("spec").join("config");
    for program in ["ConfigSpec.java", "ConfigGolden.java"] {
        java(&root, class_path, program, &[&config])?;
    }
    Ok(())
}

/// Writes the facts of every message of `from` into a file of the same name in `to`.
fn messages(from: &Path, to: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    for path in sorted(from)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.ends_with(".json") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
        let value: Value = serde_json::from_str(&without_comments(&text))
            .map_err(|error| format!("{name}: {error}"))?;
        if value.get("validVersions").and_then(Value::as_str) == Some("none") {
            continue;
        }
        let mut out = serde_json::to_string_pretty(&facts(&value)).expect("a value serializes");
        out.push('\n');
        fs::write(to.join(name), out).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// What a Java program of `spec/java` prints when it runs against the jars.
fn java(
    root: &Path,
    class_path: &[String],
    program: &str,
    arguments: &[&Path],
) -> Result<Vec<u8>, String> {
    let output = Command::new("java")
        .arg("-cp")
        .arg(class_path.join(":"))
        .arg(root.join("spec").join("java").join(program))
        .args(arguments)
        .output()
        .map_err(|error| format!("java could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(output.stdout)
}

fn command(name: &str, command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{name} could not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
}

/// The entries of a folder by name.
pub(crate) fn sorted(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

/// The value with nothing but the keys of [`FACTS`], at every level.
fn facts(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut kept = Map::new();
            for key in FACTS {
                if let Some(value) = object.get(key) {
                    kept.insert(key.to_owned(), facts(value));
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.iter().map(facts).collect()),
        other => other.clone(),
    }
}

/// JSON without the `//` comments that Kafka's schemas have; those inside strings stay.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut in_string = false;
        let mut previous = ' ';
        let mut end = line.len();
        for (at, character) in line.char_indices() {
            match character {
                '"' if previous != '\\' => in_string = !in_string,
                '/' if previous == '/' && !in_string => {
                    end = at - 1;
                    break;
                }
                _ => {}
            }
            previous = character;
        }
        out.push_str(&line[..end]);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_comments_but_not_text_that_looks_like_one() {
        let text = "{ // head\n\"a\": \"x // y\" // tail\n}";
        let value: Value = serde_json::from_str(&without_comments(text)).unwrap();
        assert_eq!(value["a"], "x // y");
    }

    #[test]
    fn keeps_facts_and_drops_prose() {
        let value: Value = serde_json::from_str(
            r#"{"about":"prose","name":"A","fields":[{"about":"p","tag":0}]}"#,
        )
        .unwrap();
        assert_eq!(facts(&value).to_string(), r#"{"name":"A","fields":[{"tag":0}]}"#);
    }
}
