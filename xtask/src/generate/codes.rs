//! The error codes.

use std::{fmt::Write as _, fs, path::Path};

use serde_json::Value;

/// `error_code/codes.rs`.
#[expect(clippy::too_many_lines, reason = "the text of one module from top to bottom")]
pub(crate) fn module(path: &Path) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let codes: Vec<Value> =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let name = |code: &Value| code["name"].as_str().unwrap_or_default().to_owned();
    let constant = |code: &Value| match code["code"].as_i64() {
        Some(-1) => "UNKNOWN_SERVER_ERROR".to_owned(),
        _ => name(code),
    };
    let mut out = String::from(
        "//! The error codes that Kafka has a name for.

use super::ErrorCode;

impl ErrorCode {
",
    );
    for code in &codes {
        let retry = if code["retriable"] == true { "can be retried" } else { "is final" };
        let exception = code["exception"].as_str().and_then(|name| name.rsplit('.').next());
        let text = match exception {
            Some(exception) => format!("Java's `{exception}`; {retry}."),
            None => "No error.".to_owned(),
        };
        let _ = writeln!(
            out,
            "    /// {text}\n    pub const {}: Self = Self({});",
            constant(code),
            code["code"]
        );
    }
    out.push_str("\n    /// Every code that has a name.\n    pub const ALL: &[Self] = &[\n");
    for code in &codes {
        let _ = writeln!(out, "        Self::{},", constant(code));
    }
    out.push_str("    ];\n\n    /// Kafka's name of the code, None where it has none.\n");
    out.push_str("    #[must_use]\n    pub const fn name(self) -> Option<&'static str> {\n");
    out.push_str("        Some(match self.0 {\n");
    for code in &codes {
        let _ = writeln!(out, "            {} => {:?},", code["code"], constant(code));
    }
    out.push_str("            _ => return None,\n        })\n    }\n\n");
    for (method, key, text) in [
        (
            "is_retriable",
            "retriable",
            "Whether the same request may succeed when it is sent again (Java's `RetriableException`).",
        ),
        (
            "is_invalid_metadata",
            "invalidMetadata",
            "Whether the metadata is stale and must be asked for again (Java's `InvalidMetadataException`).",
        ),
    ] {
        let matching: Vec<String> = codes
            .iter()
            .filter(|code| code[key] == true)
            .map(|code| code["code"].to_string())
            .collect();
        let _ = writeln!(
            out,
            "    /// {text}\n    #[must_use]\n    pub const fn {method}(self) -> bool {{\n        matches!(self.0, {})\n    }}\n",
            matching.join(" | ")
        );
    }
    out.push_str(
        "    /// The full name of Java's exception, None for no error and unknown codes.\n",
    );
    out.push_str("    #[must_use]\n    pub const fn exception(self) -> Option<&'static str> {\n");
    out.push_str("        Some(match self.0 {\n");
    for code in &codes {
        if let Some(exception) = code["exception"].as_str() {
            let _ = writeln!(out, "            {} => {exception:?},", code["code"]);
        }
    }
    out.push_str("            _ => return None,\n        })\n    }\n}\n");
    Ok(out)
}
