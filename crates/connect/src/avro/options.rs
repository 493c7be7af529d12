//! What a value may look like beside the schema's own rules.

/// What a value may look like beside the schema's own rules. The default is the strict reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AvroOptions {
    /// What becomes of fields that the record has not.
    pub unknown_fields: UnknownFields,
    /// How a union's value stands in JSON.
    pub unions: UnionForm,
    /// How bytes stand in JSON.
    pub bytes: BytesForm,
    /// How logical types stand in the JSON that comes out of bytes.
    pub logical: LogicalForm,
}

/// What becomes of fields that the record has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownFields {
    /// They are problems, each by its name.
    #[default]
    Refuse,
    /// They are left out, as Camunda's connectors do.
    Ignore,
}

/// How a union's value stands in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnionForm {
    /// As it is: the first branch that takes it counts.
    #[default]
    Plain,
    /// Going in, as it is or with its branch as Avro's JSON has it, `{"string": "x"}`; coming out, as it is.
    TagsAccepted,
    /// With its branch, both ways.
    Tagged,
}

/// How bytes stand in JSON. Going in, a list of numbers from 0 to 255 is accepted with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BytesForm {
    /// A text of the characters U+0000 to U+00FF, one for each byte, as Avro's JSON has them.
    #[default]
    Characters,
    /// A text in base64.
    Base64,
}

/// How logical types stand in the JSON that comes out of bytes. Going in, both are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogicalForm {
    /// Dates, times and durations as ISO 8601 writes them, decimals as texts with all their digits.
    #[default]
    Text,
    /// Dates and times as the numbers that were written, durations as objects, decimals as JSON
    /// numbers, which may be rounded.
    Number,
}
