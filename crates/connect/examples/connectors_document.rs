//! Prints `docs/connectors.md` or `docs/flows.md`, read from standard input, with its tables of fields as
//! the code has them.

use std::io::Read as _;

fn main() -> Result<(), String> {
    let mut document = String::new();
    std::io::stdin()
        .read_to_string(&mut document)
        .map_err(|error| format!("standard input: {error}"))?;
    print!("{}", milena_connect::describe::fill(&document)?);
    Ok(())
}
