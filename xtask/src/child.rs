//! Programs that are run to their end, but not for ever.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often a program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(10);

/// How many programs were run, so that each has files of its own.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// What a program has written.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program; it is killed when its time is over.
///
/// # Errors
///
/// It could not be started, or did not end in time.
pub(crate) fn run(mut command: Command, limit: Duration) -> Result<Output, String> {
    let failed = |error: std::io::Error| format!("{error}");
    let folder = crate::root().join("target/xtask");
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let file = |name: &str| {
        let path = folder.join(format!("{}-{number}-{name}", std::process::id()));
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&path);
        // The open file stays, the name need not.
        file.and_then(|file| std::fs::remove_file(&path).map(|()| file)).map_err(failed)
    };
    let (mut stdout, mut stderr) = (file("stdout")?, file("stderr")?);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().map_err(failed)?)
        .stderr(stderr.try_clone().map_err(failed)?)
        .spawn()
        .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let status = wait(&mut child, limit)?;
    let text = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(failed)?;
        Ok::<_, String>(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok(Output { status, stdout: text(&mut stdout)?, stderr: text(&mut stderr)? })
}

fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus, String> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        if Instant::now() > deadline {
            child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
            return Err(format!("it did not end within {} s", limit.as_secs()));
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_a_program_wrote() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2"]);
        let output = run(command, Duration::from_secs(60)).unwrap();
        assert!(output.status.success());
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
    }

    #[test]
    fn ends_a_program_that_takes_too_long() {
        let mut command = Command::new("sleep");
        command.arg("600");
        let error = run(command, Duration::from_millis(1)).unwrap_err();
        assert!(error.contains("did not end"), "{error}");
    }
}
