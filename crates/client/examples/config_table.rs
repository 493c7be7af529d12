//! Prints `docs/config.md`: every property with its type, range, defaults and support.

fn main() {
    print!("{}", milena::config::markdown());
}
