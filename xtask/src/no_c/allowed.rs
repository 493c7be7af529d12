//! The crates of the default build that could have to do with C, and why they have not.
//!
//! A crate is of this kind when it is named `*-sys`, has a `links` key, or runs a build script. A new one
//! fails `cargo xtask no-c` until somebody has looked at it and given a reason here.

/// A crate that may be there.
pub(super) struct Allowed {
    pub(super) name: &'static str,
    /// What it has instead of C.
    pub(super) reason: &'static str,
}

const fn allow(name: &'static str, reason: &'static str) -> Allowed {
    Allowed { name, reason }
}

const APPLE: &str = "declares functions of macOS, for the certificates that the system trusts";
const BROWSER: &str = "declares what a browser has; it is in builds for WebAssembly alone";
const WINDOWS: &str = "declares functions of Windows";
const ASKS: &str = "its build script looks at the target, and asks rustc what it is";
const WRITES: &str = "its build script writes Rust";

/// By name.
pub(super) const ALLOWED: &[Allowed] = &[
    allow("bigdecimal", WRITES),
    allow("core-foundation-sys", APPLE),
    allow("crc32c", WRITES),
    allow("getrandom", ASKS),
    allow("httparse", ASKS),
    allow("js-sys", BROWSER),
    allow("libc", ASKS),
    allow("libm", ASKS),
    allow("linux-raw-sys", "has numbers and structs of Linux"),
    allow("num-traits", ASKS),
    allow("parking_lot_core", ASKS),
    allow("portable-atomic", ASKS),
    allow("portable-atomic-util", ASKS),
    allow("prettyplease", "its links key keeps a second version out; it links nothing"),
    allow("proc-macro2", ASKS),
    allow("proc-macro2-diagnostics", ASKS),
    allow("quote", ASKS),
    allow("rustix", ASKS),
    allow("rustls", ASKS),
    allow("rustversion", WRITES),
    allow("security-framework-sys", APPLE),
    allow("serde", WRITES),
    allow("serde_core", WRITES),
    allow("serde_json", ASKS),
    allow("snap", WRITES),
    allow("thiserror", WRITES),
    allow("wasm-bindgen", BROWSER),
    allow("wasm-bindgen-shared", BROWSER),
    allow("windows-sys", WINDOWS),
    allow("zmij", ASKS),
];
