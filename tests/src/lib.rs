//! Helpers of the suites.

/// The crates of the workspace have the version of the suites that test them.
#[test]
fn names_the_workspace_version() {
    assert!(env!("CARGO_PKG_VERSION").starts_with("0."));
}
