//! `cargo xtask no-c`: proof that a build of Milena compiles no C.
//!
//! Every crate of the default build that could compile C has been looked at (`allowed`), and the workspace
//! builds with a C compiler, an archiver, cmake, perl and their like that fail when they are called.

mod allowed;
mod graph;

use std::{env, fs, path::Path, process::Command};

use self::allowed::{ALLOWED, Allowed};
use crate::programs;

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

/// Runs the command.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => {
            graph::check()?;
            build(&crate::root())
        }
        ["--graph"] => graph::check(),
        ["--allowed"] => {
            for Allowed { name, reason } in ALLOWED {
                println!("{name}: {reason}");
            }
            Ok(())
        }
        _ => Err("usage: cargo xtask no-c [--graph | --allowed]".into()),
    }
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
