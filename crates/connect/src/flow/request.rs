//! The fields of a request that comes in an envelope.

use crate::{
    describe::Part,
    settings::{Field, FieldKind},
};

/// What a request can say.
pub(crate) const REQUEST_FIELDS: &[Field] = &[
    Field::required("id", "Id", FieldKind::Json, "a text or a number, which its answer has too"),
    Field::required("op", "Operation", FieldKind::Text, "what to do: produce")
        .example("\"produce\""),
    Field::required(
        "connector",
        "Connector",
        FieldKind::Text,
        "the name of a step with input = \"envelope\"; with config, the name of a connector",
    ),
    Field::optional(
        "config",
        "Config",
        FieldKind::Table,
        "the connector's own fields, for an action that is no step of the flow",
    ),
    Field::required("input", "Input", FieldKind::Json, "what the action takes"),
];

/// A request, for documents.
pub(super) const PART: Part = Part::new(
    "request",
    "a line that asks for something",
    REQUEST_FIELDS,
    r#"{"id":"1","op":"produce","connector":"cars","input":{"messages":[{"value":"arrived"}]}}"#,
);
