//! The table of contents of the messages, and the API keys.

use std::fmt::Write as _;

use super::{
    model::{Kind, Message},
    names,
};

/// `messages/mod.rs`.
pub(crate) fn messages(messages: &[Message]) -> String {
    let mut out = String::from(
        "//! Every message of Kafka's protocol, a module each.
//!
//! The struct of a message is re-exported here; those inside it are in its module. Names, types,
//! versions and defaults are those of Kafka's own schemas (`spec/messages`).

#![allow(clippy::too_many_lines, reason = \"a schema of many fields is a function of many lines\")]
#![allow(clippy::unreadable_literal, reason = \"defaults are written as the schemas write them\")]

mod api_key;
",
    );
    for message in messages {
        let _ = writeln!(out, "pub mod {};", names::snake(&message.name));
    }
    out.push_str("\npub use self::{\n    api_key::ApiKey,\n");
    for message in messages {
        let _ = writeln!(out, "    {}::{},", names::snake(&message.name), message.name);
    }
    out.push_str("};\n\n");
    out.push_str(
        "/// Calls a macro with the name of every message: requests, responses, headers and data.
///
/// The macro gets `Name, Name, ...`, each a struct of [`messages`](crate::messages).
#[macro_export]
macro_rules! for_each_message {
    ($callback:ident) => {
        $callback! {
",
    );
    for message in messages {
        let _ = writeln!(out, "            {},", message.name);
    }
    out.push_str("        }\n    };\n}\n");
    out
}

/// `messages/api_key.rs`.
#[expect(clippy::too_many_lines, reason = "the text of one module from top to bottom")]
pub(crate) fn api_keys(messages: &[Message]) -> String {
    let mut requests: Vec<&Message> =
        messages.iter().filter(|message| message.kind == Kind::Request).collect();
    requests.sort_by_key(|message| message.api_key);
    let mut out = String::from(
        "//! The keys of Kafka's APIs.

use std::fmt;

/// The key of an API, the number that begins each request; unknown ones are kept.
///
/// Spec: `guide#api-keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKey(pub i16);

impl ApiKey {
",
    );
    for request in &requests {
        let stem = request.name.trim_end_matches("Request");
        let listeners = request.listeners.join(", ");
        let _ = writeln!(
            out,
            "    /// `{stem}` (listeners: {listeners}).\n    pub const {}: Self = Self({});",
            names::upper_snake(stem),
            request.api_key.unwrap_or(-1)
        );
    }
    out.push_str(
        "\n    /// Every API that has a schema, by key.\n    pub const ALL: &[Self] = &[\n",
    );
    for request in &requests {
        let stem = request.name.trim_end_matches("Request");
        let _ = writeln!(out, "        Self::{},", names::upper_snake(stem));
    }
    out.push_str(
        "    ];

    /// Kafka's name of the API, `UNKNOWN` where this version has none.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
",
    );
    for request in &requests {
        let stem = request.name.trim_end_matches("Request");
        let _ = writeln!(out, "            {} => {stem:?},", request.api_key.unwrap_or(-1));
    }
    out.push_str("            _ => \"UNKNOWN\",\n        }\n    }\n\n");
    out.push_str(
        "    /// The first version of its request whose header and body are flexible (KIP-482).
    ///
    /// `i16::MAX` where none is, or the API is unknown.
    #[must_use]
    pub const fn first_flexible_version(self) -> i16 {
        match self.0 {
",
    );
    for request in &requests {
        if !request.flexible.is_empty() {
            let _ = writeln!(
                out,
                "            {} => {},",
                request.api_key.unwrap_or(-1),
                request.flexible.min
            );
        }
    }
    out.push_str("            _ => i16::MAX,\n        }\n    }\n\n");
    out.push_str(
        "    /// The versions of its request that have a schema, lowest and highest.
    #[must_use]
    pub const fn versions(self) -> Option<(i16, i16)> {
        match self.0 {
",
    );
    for request in &requests {
        let _ = writeln!(
            out,
            "            {} => Some(({}, {})),",
            request.api_key.unwrap_or(-1),
            request.versions.min,
            request.versions.max
        );
    }
    out.push_str("            _ => None,\n        }\n    }\n}\n\n");
    out.push_str(
        "impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            \"UNKNOWN\" => write!(f, \"API {}\", self.0),
            name => f.write_str(name),
        }
    }
}
",
    );
    out
}
