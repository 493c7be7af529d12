//! The admin client against the embedded broker.
