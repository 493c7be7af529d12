//! Records as JSON: text as a string, other bytes as `{"base64":"..."}`, null as null.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// A key, a value or a header's value.
pub(crate) fn bytes(bytes: Option<&[u8]>) -> Value {
    match bytes {
        None => Value::Null,
        Some(bytes) => match str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => json!({ "base64": STANDARD.encode(bytes) }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_text_bytes_and_null_apart() {
        assert_eq!(bytes(None), Value::Null);
        assert_eq!(bytes(Some("ž".as_bytes())), json!("ž"));
        assert_eq!(bytes(Some(&[0xff, 0])), json!({ "base64": "/wA=" }));
    }
}
