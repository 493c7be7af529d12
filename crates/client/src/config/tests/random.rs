//! Whatever the texts are, reading them ends with a configuration or an error.

use proptest::prelude::*;

use super::super::{
    AdminConfig, ClientKind, ConsumerConfig, JaasConfig, ProducerConfig, Properties, table,
};

/// Names of the table, damaged names and any other.
fn name() -> impl Strategy<Value = String> {
    let names: Vec<&str> = table::properties().map(|property| property.name).collect();
    prop_oneof![
        8 => prop::sample::select(names).prop_map(str::to_owned),
        1 => "[a-z._-]{0,120}",
        1 => any::<String>(),
    ]
}

/// Values that some property takes, numbers at the limits and any other.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "",
            "true",
            "false",
            "all",
            "none",
            "PEM",
            "SSL",
            "SASL_SSL",
            "SASL_PLAINTEXT",
            "PLAIN",
            "OAUTHBEARER",
            "SCRAM-SHA-512",
            "localhost:9092",
            "[::1]:1,b:2",
            "range,sticky",
            "https",
            "M required username=u password=p;",
            "M required unsecuredLoginStringClaim_sub=a;",
            "by_duration:PT1H",
            "-----BEGIN CERTIFICATE-----",
            "TLSv1.2",
        ])
        .prop_map(str::to_owned),
        any::<i64>().prop_map(|number| number.to_string()),
        prop::sample::select(vec![
            -1_i64,
            0,
            1,
            5,
            30_000,
            i64::from(i32::MAX),
            i64::MAX,
            i64::MIN
        ])
        .prop_map(|number| number.to_string()),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_properties_are_read_or_refused(entries in prop::collection::vec((name(), text()), 0..12)) {
        let _ = ProducerConfig::from_properties(entries.clone());
        let _ = ConsumerConfig::from_properties(entries.clone());
        let _ = AdminConfig::from_properties(entries);
    }

    #[test]
    fn any_file_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(properties) = Properties::parse(&bytes) {
            let lines = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
            prop_assert!(properties.entries().iter().all(|entry| (1..=lines).contains(&entry.line)));
            let _ = ProducerConfig::from_properties_file(&properties);
        }
    }

    #[test]
    fn any_login_line_is_read_or_refused(line in "[ -~\n\t€]{0,80}") {
        if let Err(error) = JaasConfig::parse(&line) {
            prop_assert!(error.column <= line.chars().count() + 1);
        }
    }

    #[test]
    fn no_message_shows_a_secret(name in name(), line in text()) {
        let secrets = ["ssl.key.password", "sasl.jaas.config", "ssl.keystore.key"];
        for client in ClientKind::ALL {
            let entries = secrets.map(|secret| (secret.to_owned(), "geheim".to_owned()));
            let entries = entries.into_iter().chain([
                (name.clone(), line.clone()),
                ("security.protocol".to_owned(), "SASL_SSL".to_owned()),
                ("sasl.mechanism".to_owned(), "PLAIN".to_owned()),
            ]);
            let shown = match client {
                ClientKind::Producer => format!("{:?}", ProducerConfig::from_properties(entries)),
                ClientKind::Consumer => format!("{:?}", ConsumerConfig::from_properties(entries)),
                ClientKind::Admin => format!("{:?}", AdminConfig::from_properties(entries)),
            };
            prop_assert!(!shown.contains("geheim"), "{shown}");
        }
    }
}
