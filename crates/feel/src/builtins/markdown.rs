//! `docs/feel.md`: the builtin functions as a document.

use std::fmt::Write as _;

use super::{Builtin, Origin, Signature, builtins};

const HEAD: &str = "\
# FEEL

Flows and connectors take expressions of FEEL, the language of DMN 1.5 (chapter 10), with what Camunda's engine and connectors add.
`milena feel` evaluates one:

    milena feel 'sum(items.price) * 1.21' --context '{\"items\": [{\"price\": 10}, {\"price\": 2.5}]}'

Numbers have 34 decimal digits. What does not go comes to null: a name that is not there, kinds that do not fit, a division by zero.

## Functions

Written by `milena feel --functions`. Parameters can be given in order or by name; those with `?` may be left out, and the last one
of those with `...` any number of times. A list of one item is taken where that item is wanted, and a value where a list is wanted.
";

/// The builtin functions as Markdown, by where they are defined.
pub fn functions_markdown() -> String {
    let mut text = HEAD.to_owned();
    for (origin, title) in [
        (Origin::Dmn, "DMN"),
        (Origin::Camunda, "Camunda"),
        (Origin::Connectors, "Camunda's connectors"),
    ] {
        let _ = write!(text, "\n### {title}\n\n| function | what it gives |\n| --- | --- |\n");
        for builtin in builtins().filter(|builtin| builtin.origin == origin) {
            row(builtin, &mut text);
        }
    }
    text
}

fn row(builtin: &Builtin, text: &mut String) {
    let forms: Vec<_> =
        builtin.signatures.iter().map(|signature| form(builtin.name, signature)).collect();
    let _ = writeln!(text, "| {} | {} |", forms.join("<br>"), builtin.about);
}

fn form(name: &str, signature: &Signature) -> String {
    let parameters: Vec<_> = signature
        .parameters
        .iter()
        .map(|parameter| {
            let optional = if parameter.optional { "?" } else { "" };
            format!("{}{optional}: {}", parameter.name, parameter.kind.name())
        })
        .collect();
    let more = if signature.variadic { "..." } else { "" };
    format!("`{name}({}{more})`", parameters.join(", "))
}
