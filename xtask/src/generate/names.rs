//! Kafka's names in Rust's case.

/// `ThrottleTimeMs` as `throttle_time_ms`.
pub(crate) fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_lower = at > 0 && !letters[at - 1].is_ascii_uppercase();
        let before_lower = letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && at > 0 && (after_lower || before_lower) {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// The name as an identifier: Rust's own words are written raw.
pub(crate) fn identifier(name: &str) -> String {
    let snake = snake(name);
    match snake.as_str() {
        "type" | "match" | "async" | "final" | "ref" | "move" | "use" | "where" => {
            format!("r#{snake}")
        }
        _ => snake,
    }
}

/// `NotLeaderOrFollower` or `ListOffsets` as `LIST_OFFSETS`.
pub(crate) fn upper_snake(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// Whether generated code names the variable outside of its text literals.
pub(crate) fn uses(code: &str, variable: &str) -> bool {
    code.split('"')
        .step_by(2)
        .flat_map(|outside| outside.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .any(|word| word == variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_underscores_between_words() {
        assert_eq!(snake("ThrottleTimeMs"), "throttle_time_ms");
        assert_eq!(snake("ISRNodes"), "isr_nodes");
        assert_eq!(identifier("Type"), "r#type");
        assert_eq!(upper_snake("SaslHandshake"), "SASL_HANDSHAKE");
    }
}
