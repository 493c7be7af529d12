//! Fields of a configuration by their Rust types: how each is read, and what it is as a property.

use std::time::Duration;

use crate::settings::{Field, FieldKind, TableReader};

/// The longest time of a field in seconds: what Java's `int` of milliseconds holds.
const SECONDS_MAX: i64 = 2_147_483;

/// The type of a field.
pub(super) trait Setting: Sized {
    const KIND: FieldKind;

    /// The value, or the default; `None` with a problem.
    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self>;

    /// The value of the property, when it is set.
    fn property(&self) -> Option<String>;
}

impl Setting for Option<String> {
    const KIND: FieldKind = FieldKind::Text;

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        Some(reader.text(name))
    }

    fn property(&self) -> Option<String> {
        // An empty text is as good as none, also when it did not come from JSON.
        self.clone().filter(|text| !text.is_empty())
    }
}

impl Setting for Option<i64> {
    const KIND: FieldKind = FieldKind::Integer(i64::MIN, i64::MAX);

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        Some(reader.integer(name))
    }

    fn property(&self) -> Option<String> {
        self.map(|value| value.to_string())
    }
}

impl Setting for i64 {
    const KIND: FieldKind = <Option<Self> as Setting>::KIND;

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        reader.integer(name)
    }

    fn property(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// Seconds with a fraction; what is finer than a millisecond is cut off.
impl Setting for Option<Duration> {
    const KIND: FieldKind = FieldKind::Decimal(0, SECONDS_MAX);

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        let milliseconds = reader.milliseconds(name);
        Some(milliseconds.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis))
    }

    fn property(&self) -> Option<String> {
        self.map(|time| time.as_millis().to_string())
    }
}

/// Seconds with a default.
impl Setting for Duration {
    const KIND: FieldKind = <Option<Self> as Setting>::KIND;

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        <Option<Self> as Setting>::read(reader, name)?
    }

    fn property(&self) -> Option<String> {
        Some(self.as_millis().to_string())
    }
}

impl Setting for bool {
    const KIND: FieldKind = FieldKind::Boolean;

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        reader.boolean(name)
    }

    fn property(&self) -> Option<String> {
        Some(self.to_string())
    }
}

/// A text or a list of texts.
impl Setting for Vec<String> {
    const KIND: FieldKind = FieldKind::TextOrList;

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        Some(reader.texts(name).unwrap_or_default())
    }

    fn property(&self) -> Option<String> {
        None
    }
}

/// Names and texts, whose values may be secrets: `Debug` shows the names alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(pub Vec<(String, String)>);

impl std::fmt::Debug for Properties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Properties {
    /// The last value of a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Setting for Properties {
    const KIND: FieldKind = FieldKind::Properties;

    fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
        Some(Self(reader.properties(name)))
    }

    fn property(&self) -> Option<String> {
        None
    }
}

/// A field whose name is its label too, which is all that the module has.
pub(super) const fn field(
    name: &'static str,
    kind: FieldKind,
    default: Option<&'static str>,
    doc: &'static str,
) -> Field {
    let field = Field::optional(name, name, kind, doc);
    match default {
        Some(default) => field.default(default),
        None => field,
    }
}

/// A choice of texts as an enum: `name`, or `name` of a variant.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            const NAMES: &'static [&'static str] = &[$($text),+];

            /// The value in a configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl Setting for $name {
            const KIND: FieldKind = FieldKind::Choice(Self::NAMES);

            fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
                Self::from_name(&reader.text(name)?)
            }

            fn property(&self) -> Option<String> {
                Some(self.name().to_owned())
            }
        }

        impl Setting for Option<$name> {
            const KIND: FieldKind = FieldKind::Choice($name::NAMES);

            fn read(reader: &mut TableReader<'_, '_>, name: &'static str) -> Option<Self> {
                Some(reader.text(name).as_deref().and_then($name::from_name))
            }

            fn property(&self) -> Option<String> {
                self.map(|value| value.name().to_owned())
            }
        }
    };
}

/// A configuration: each line is a field of the struct, its name in JSON, the property that it becomes
/// (empty when it becomes none, or one with conditions) and what it is for.
macro_rules! configuration {
    (
        $(#[$meta:meta])* $name:ident
        { $($field:ident: $type:ty, $json:literal, $property:literal, $default:expr, $doc:literal;)+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $name { $(#[doc = concat!("`", $json, "`: ", $doc, ".")] pub $field: $type,)+ }

        impl $name {
            /// The fields, in the order of their properties.
            pub const FIELDS: &'static [Field] =
                &[$(field($json, <$type as Setting>::KIND, $default, $doc)),+];

            fn read_fields(reader: &mut TableReader<'_, '_>) -> Option<Self> {
                $(let $field = <$type as Setting>::read(reader, $json);)+
                Some(Self { $($field: $field?,)+ })
            }

            /// Sets the properties of the fields that are set, in their order.
            fn set_fields(&self, properties: &mut ClientProperties) {
                $(
                    if !$property.is_empty() && let Some(value) = self.$field.property() {
                        properties.set(Origin::Configuration, $property, value);
                    }
                )+
            }

            /// Reads the module's own JSON.
            ///
            /// # Errors
            ///
            /// Every field that is unknown or ill-typed, with what was expected.
            pub fn from_json(value: &Value) -> Result<Self, Problems> {
                Problems::of_json(value, "config", |node, path, problems| {
                    let mut reader = TableReader::new(node, path, Self::FIELDS, problems)?;
                    let configuration = Self::read_all(&mut reader);
                    reader.finish();
                    configuration
                })
            }
        }

        impl Default for $name {
            fn default() -> Self {
                let empty = Value::Object(serde_json::Map::new());
                Self::from_json(&empty).expect("no field is required")
            }
        }
    };
}

pub(super) use {choice, configuration};
