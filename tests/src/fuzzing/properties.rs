//! Java's `.properties` files and the configurations that they make.

use milena::config::{AdminConfig, ConsumerConfig, ProducerConfig, Properties};

/// A value that only a secret of the input can bring into a message.
const SECRET: &str = "hunter2-Zq";

/// Reads any bytes as a file of properties, and makes a configuration of each client of it.
///
/// Whatever is wrong with it, no message shows a secret.
pub fn properties(data: &[u8]) {
    let mut bytes = data.to_vec();
    // Two ends of a line: a backslash at the end of the input takes the first away.
    bytes.extend_from_slice(format!("\n\nsasl.jaas.config={SECRET}\n").as_bytes());
    bytes.extend_from_slice(format!("ssl.keystore.key={SECRET}\n").as_bytes());
    let Ok(properties) = Properties::parse(&bytes) else { return };
    let own = data.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
    let errors = [
        ProducerConfig::from_properties_file(&properties).err(),
        ConsumerConfig::from_properties_file(&properties).err(),
        AdminConfig::from_properties_file(&properties).err(),
    ];
    for error in errors.into_iter().flatten() {
        let text = format!("{error} {error:?}");
        assert!(own || !text.contains(SECRET), "a secret is shown: {text}");
    }
}
