//! What a name that is not known was probably meant to be.

/// The name that is nearest, if one is near: a third of its characters may differ, and case.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Names come from files and can have any length; the work is a product of two lengths.
    if name.len() > 100 {
        return None;
    }
    let plain = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&plain, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        const NAMES: [&str; 4] = ["brokers", "groupId", "topic", "until"];
        for (name, expected) in [
            ("broker", Some("brokers")),
            ("group_id", Some("groupId")),
            ("TOPIC", Some("topic")),
            ("tpoic", Some("topic")),
            ("message", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, NAMES), expected, "{name}");
        }
        assert_eq!(nearest(&"t".repeat(101), NAMES), None);
    }
}
