//! Secrets put in, and kept out of sight.

use milena::config::Secret;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::settings::{Field, FieldKind, TableReader};

fn secrets() -> Secrets {
    Secrets::new(|name: &str| {
        Some(Secret::from(match name {
            "USER" => "ada",
            "PASSWORD" => "p\"a\\ss\nword",
            "NESTED" => "{{secrets.USER}} secrets.USER",
            "NUMBER" => "4711",
            _ => return None,
        }))
    })
}

#[test]
fn texts_at_any_depth_are_replaced_and_nothing_else() {
    let mut value = json!({
        "authentication": { "username": "secrets.USER", "password": "{{ secrets.PASSWORD }}" },
        "list": ["a", "{{secrets.USER}}@secrets.NUMBER", 5, null, true],
        "x-secrets.USER": 1, "plain": "{{ secret.USER }}",
    });
    secrets().resolve(&mut value, "").unwrap();
    let expected = json!({
        "authentication": { "username": "ada", "password": "p\"a\\ss\nword" },
        "list": ["a", "ada@4711", 5, null, true],
        "x-ada": 1, "plain": "{{ secret.USER }}",
    });
    assert_eq!(value, expected);
    assert_eq!(value.to_string(), expected.to_string(), "the order stays");
}

#[test]
fn a_secret_that_looks_like_a_placeholder_stays_as_it_is() {
    let resolved = secrets().resolve_text("a {{secrets.NESTED}}", "x").unwrap();
    assert_eq!(resolved.as_deref(), Some("a {{secrets.USER}} secrets.USER"));
    assert_eq!(secrets().resolve_text("nothing", "x").unwrap(), None);
}

#[test]
fn unknown_names_are_told_with_their_paths() {
    let mut value = json!({ "a": ["secrets.X"], "b": { "c": "{{secrets.Y/Z}} secrets.USER" } });
    let error = secrets().resolve(&mut value, "config").unwrap_err();
    assert_eq!(
        error.to_string(),
        "config.a[0]: secret with name 'X' is not available; \
         config.b.c: secret with name 'Y/Z' is not available"
    );
}

#[test]
fn names_that_are_not_allowed_stay_placeholders() {
    let secrets = secrets().allow(["USER"]);
    let text = "{{ secrets.USER }} {{ secrets.PASSWORD }} secrets.OTHER";
    assert_eq!(
        secrets.resolve_text(text, "").unwrap().as_deref(),
        Some("ada {{ secrets.PASSWORD }} secrets.OTHER")
    );
}

#[test]
fn the_first_source_that_has_a_name_counts() {
    let secrets = secrets().or(SecretsFile::parse("USER=bob\nMORE=x\n").unwrap());
    let resolved = secrets.resolve_text("secrets.USER secrets.MORE", "").unwrap();
    assert_eq!(resolved.as_deref(), Some("ada x"));
}

#[test]
fn the_environment_is_read_under_a_prefix() {
    let (name, value) = std::env::vars()
        .find(|(name, value)| {
            name.len() > 2
                && name.is_ascii()
                && name.bytes().all(|b| b.is_ascii_uppercase())
                && !value.is_empty()
        })
        .expect("there is a variable in capitals, such as PATH");
    let (prefix, rest) = name.split_at(1);
    let found = Environment::with_prefix(prefix).secret(rest).expect("it is there");
    assert_eq!(found.reveal(), value);
    assert!(Environment::with_prefix("NO_SUCH_PREFIX_").secret(&name).is_none());
    assert!(Environment::with_prefix("").secret("A=B\0").is_none());
}

#[test]
fn a_tree_that_has_a_secret_shows_none_in_its_problems() {
    const FIELDS: &[Field] =
        &[Field::optional("count", "Count", FieldKind::Integer(0, 9), "a number")];
    let mut node =
        Node::from_toml("count = \"{{secrets.NUMBER}}\"\nx = [\"secrets.GONE\"]\n").unwrap();
    let mut problems = Problems::default();
    secrets().resolve_node(&mut node, "config", &mut problems);
    let mut reader = TableReader::new(&node, "config", FIELDS, &mut problems).unwrap();
    assert_eq!(reader.integer("count"), None);
    let shown = format!("{problems} {node:?}");
    assert!(!shown.contains("4711"), "{shown}");
    assert_eq!(
        problems.to_string(),
        "2 problems: \
         (1) line 2, column 6: config.x[1]: secret with name 'GONE' is not available; \
         (2) line 1, column 9: config.count is a text: expected a whole number from 0 to 9, a number"
    );
}

#[test]
fn files_are_read_in_both_forms() {
    let text =
        "# comment\n\nexport A = b # more\nC='d # \"e' # f\nG=\"h\\n\\\"i\\\"\"\nJ=\nK=a=b#c\n";
    let file = SecretsFile::parse(text).unwrap();
    for (name, value) in
        [("A", "b"), ("C", "d # \"e"), ("G", "h\n\"i\""), ("J", ""), ("K", "a=b#c")]
    {
        assert_eq!(file.secret(name).unwrap().reveal(), value, "{name}");
    }
    let file = SecretsFile::parse(r#" {"A": "b", "C": {"D": 5, "E": true}}"#).unwrap();
    assert_eq!(file.names().collect::<Vec<_>>(), ["A", "C.D", "C.E"]);
    assert_eq!(file.secret("C.D").unwrap().reveal(), "5");
    assert!(!format!("{file:?}").contains('b'));
    for (text, expected) in [
        ("A=b\nhush\n", "line 2: expected NAME=value"),
        ("A B=hush", "line 1: expected a name without spaces before ="),
        ("A='hush", "line 1: the quote has no end"),
        ("A=\"hush\" hush", "line 1: there is more behind the closing quote"),
        ("A=\"\\hush\"", "line 1: there is no such escape: expected \\n, \\r, \\t, \\\" or \\\\"),
        ("{\"A\": [\"hush\"]}", "A is a list: expected a text"),
        ("{\"A\": hush}", "line 1, column 7: this is no JSON"),
    ] {
        assert_eq!(SecretsFile::parse(text).unwrap_err(), expected, "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secrets.env");
    std::fs::write(&path, "A=b\n").unwrap();
    let with = |mode: u32, access| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        SecretsFile::read(&path, access).map(|file| file.names().count())
    };
    assert_eq!(with(0o600, FileAccess::OwnerOnly).unwrap(), 1);
    assert_eq!(with(0o644, FileAccess::Any).unwrap(), 1);
    let error = with(0o640, FileAccess::OwnerOnly).unwrap_err().to_string();
    assert!(error.contains("has the permissions 640, with which others"), "{error}");
    assert!(SecretsFile::read(directory.path().join("none"), FileAccess::Any).is_err());
}

#[test]
fn what_was_looked_up_is_masked_in_every_form() {
    let secrets = secrets();
    let mut value = json!(["secrets.PASSWORD", "secrets.NUMBER"]);
    secrets.resolve(&mut value, "").unwrap();
    let password = value[0].as_str().unwrap();
    let masker = secrets.masker();
    assert_eq!(masker.mask(&format!("x{password}y 47114711 4711")), "x***y ****** ***");
    assert_eq!(masker.mask(&value.to_string()), "[\"***\",\"***\"]");
    assert_eq!(masker.mask(&format!("{password:?}")), "\"***\"");
    assert_eq!(masker.mask("http://u:p%22a%5Css%0Aword@h"), "http://u:***@h");
    let shown = format!("{secrets:?} {masker:?}");
    assert!(!shown.contains("4711") && !shown.contains("ss"), "{shown}");
}

#[test]
fn values_that_overlap_leave_nothing() {
    let masker = Masker::default();
    for value in ["abcd", "cdef", "aa", ""] {
        masker.remember(&Secret::from(value));
    }
    assert_eq!(masker.mask("xabcdefx aaa é"), "x***x *** é");
    masker.remember(&Secret::from("-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----"));
    assert_eq!(masker.mask("log: MIIEvQIBADAN."), "log: ***.");
}

proptest! {
    #[test]
    fn no_secret_leaks_from_what_it_was_put_into(
        value in "[a-zA-Z0-9\"\\\\\n\té$%&]{4,20}",
        before in "[ -~]{0,10}",
    ) {
        let kept = value.clone();
        let secrets = Secrets::new(move |_: &str| Some(Secret::from(kept.as_str())));
        let mut json = json!({ "a": [format!("{before}{{{{secrets.X}}}}"), 1], "b": "secrets.X" });
        secrets.resolve(&mut json, "").unwrap();
        prop_assert_eq!(json["b"].as_str(), Some(value.as_str()));
        prop_assert_eq!(json["a"][1].clone(), Value::from(1));
        let masker = secrets.masker();
        for text in [
            json.to_string(),
            serde_json::to_string_pretty(&json).unwrap(),
            format!("{:?}", json["b"].as_str().unwrap()),
            format!("{before}{value}{value}"),
        ] {
            let masked = masker.mask(&text);
            prop_assert!(masked.contains("***"));
            prop_assert!(!masked.contains(&value), "{}", masked);
        }
    }
}
