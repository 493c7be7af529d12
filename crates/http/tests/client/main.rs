//! The client against servers that the tests serve.

#[cfg(test)]
mod requests;
#[cfg(test)]
mod server;
