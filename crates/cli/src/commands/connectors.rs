//! `milena connectors`: what connectors there are, and their fields.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use milena_connect::connector::{CONNECTORS, Connector, find, nearest};

use crate::{arguments::Connectors, failure::Failure};

/// Prints what is asked for.
pub(crate) fn run(connectors: &Connectors) -> Result<(), Failure> {
    let text = match connectors {
        Connectors::List { json: true } => {
            let all: Vec<_> = CONNECTORS.iter().map(|connector| connector.json()).collect();
            pretty(&all.into())
        }
        Connectors::List { json: false } => list(),
        Connectors::Describe { name, json, markdown } => {
            let connector = find(name).ok_or_else(|| unknown(name))?;
            match (json, markdown) {
                (true, _) => pretty(&connector.json()),
                (_, true) => tables(connector),
                _ => connector.text(),
            }
        }
    };
    io::stdout().write_all(text.as_bytes()).map_err(|error| Failure::output(&error))
}

fn list() -> String {
    let rows: Vec<[String; 3]> = CONNECTORS
        .iter()
        .map(|connector| {
            let actions = connector.actions.iter().map(|kind| kind.part.name);
            let triggers = connector.triggers.iter().map(|kind| kind.part.name);
            let parts: Vec<&str> = actions.chain(triggers).collect();
            [
                connector.name.to_owned(),
                parts.join(", "),
                format!("{}: {}", connector.title, connector.doc),
            ]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    let mut text = String::new();
    for [name, parts, doc] in &rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:first$}  {parts:second$}  {doc}");
    }
    text
}

fn tables(connector: &Connector) -> String {
    let mut text = format!("# {}\n\n{}\n", connector.title, connector.doc);
    for part in connector.parts() {
        let _ = write!(text, "\n## {}\n\n{}\n\n{}", part.name, part.doc, part.markdown());
        let _ = write!(text, "\n```json\n{}\n```\n", part.example);
    }
    text
}

fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = CONNECTORS.iter().map(|connector| connector.name).collect();
    Failure::Usage(match nearest(name) {
        Some(near) => format!("there is no connector {name:?}: did you mean {near:?}?"),
        None => format!("there is no connector {name:?}: expected {}", names.join(", ")),
    })
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
