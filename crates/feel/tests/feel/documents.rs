//! Checks that the committed documents say what the tables say.

use std::collections::HashSet;

use milena_feel::{builtins, functions_markdown};

#[test]
fn the_document_is_what_the_table_of_functions_says() {
    let committed = include_str!("../../../../docs/feel.md");
    let generated = functions_markdown();
    let difference = committed.lines().zip(generated.lines()).find(|(one, other)| one != other);
    let hint = "docs/feel.md is not what `milena feel --functions` prints";
    assert_eq!(difference, None, "{hint}");
    assert_eq!(committed.len(), generated.len(), "{hint}");
}

#[test]
fn every_function_has_one_name_a_sentence_and_ways_to_invoke_it() {
    let mut names = HashSet::new();
    for builtin in builtins() {
        assert!(names.insert(builtin.name), "{} is there twice", builtin.name);
        assert!(builtin.about.ends_with('.'), "{}", builtin.name);
        assert!(!builtin.signatures.is_empty(), "{}", builtin.name);
        for signature in builtin.signatures {
            let mut optional = false;
            for parameter in signature.parameters {
                assert!(parameter.optional || !optional, "{}: {}", builtin.name, parameter.name);
                optional = parameter.optional;
            }
        }
    }
}
