//! `cargo xtask no-c`: proof that a build of Milena compiles no C.
//!
//! The graph of what is built by default has no crate that compiles C, and the workspace builds with
//! a C compiler, an archiver, cmake, perl and their like that fail when they are called.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Programs that a build which compiles C would call.
const PROGRAMS: [&str; 16] = [
    "cc",
    "c++",
    "gcc",
    "g++",
    "clang",
    "clang++",
    "ar",
    "as",
    "cmake",
    "make",
    "ninja",
    "nasm",
    "yasm",
    "perl",
    "bindgen",
    "pkg-config",
];

/// Crates that compile C or look for C libraries.
const CRATES: [&str; 9] =
    ["cc", "cmake", "bindgen", "pkg-config", "vcpkg", "ring", "aws-lc-rs", "openssl", "nasm-rs"];

/// Crates that declare the functions of an operating system, and compile nothing.
const SYSTEM_BINDINGS: [&str; 8] = [
    "linux-raw-sys",
    "windows-sys",
    "core-foundation-sys",
    "security-framework-sys",
    "js-sys",
    "web-sys",
    "wasi",
    "jni-sys",
];

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("usage: cargo xtask no-c".into());
    }
    graph()?;
    build(&crate::root())
}

/// Looks for crates that compile C in what the default build of any target has.
fn graph() -> Result<(), String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--edges", "normal,build", "--target", "all"])
        .args(["--prefix", "none", "--format", "{p}", "--exclude", "xtask"])
        .args([
            "--exclude",
            "milena-tests",
            "--exclude",
            "kafka-lab",
            "--exclude",
            "milena-benches",
        ])
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let tree = String::from_utf8_lossy(&output.stdout);
    let mut found: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| {
            CRATES.contains(name) || (name.ends_with("-sys") && !SYSTEM_BINDINGS.contains(name))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() { Ok(()) } else { Err(format!("the default build has {found:?}")) }
}

/// Builds the workspace where every call of a C tool fails; only the linker is the real one.
fn build(root: &Path) -> Result<(), String> {
    let folder = root.join("target/no-c");
    let tools = folder.join("failing-tools");
    let linker = programs::find("cc").ok_or("no cc in PATH: rustc needs it as its linker")?;
    failing_tools(&tools)?;
    let path = env::var("PATH").unwrap_or_default();
    let triple = host()?;
    let variable = format!("CARGO_TARGET_{}_LINKER", triple.replace('-', "_").to_ascii_uppercase());
    let status = Command::new(env!("CARGO"))
        .args(["build", "--workspace", "--quiet", "--target-dir"])
        .arg(&folder)
        .current_dir(root)
        .env("PATH", format!("{}:{path}", tools.display()))
        .env("CC", "/bin/false")
        .env("CXX", "/bin/false")
        .env("AR", "/bin/false")
        .env("CARGO_INCREMENTAL", "0")
        .env(variable, linker)
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the build without C failed ({status})")) }
}

/// Writes programs that say that they were called, and fail.
fn failing_tools(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in PROGRAMS {
        let path = folder.join(name);
        fs::write(&path, "#!/bin/sh\necho \"$0 was called: something compiles C\" >&2\nexit 1\n")
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// The triple of this machine.
pub(crate) fn host() -> Result<String, String> {
    let output = Command::new("rustc")
        .args(["--print", "host-tuple"])
        .output()
        .map_err(|error| format!("rustc could not be started: {error}"))?;
    let triple = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if triple.is_empty() { Err("rustc does not tell its host".into()) } else { Ok(triple) }
}
