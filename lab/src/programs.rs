//! Java programs of this project that run on Kafka's own classes.
//!
//! They are compiled once for each text of theirs, beside the jars.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::java::{self, JavaCommand};
use crate::{KafkaVersion, LabError, artifacts, cache, guard};

/// A folder of compiled programs.
#[derive(Clone, Debug)]
pub struct Programs {
    version: KafkaVersion,
    classes: PathBuf,
}

/// A running program that answers every line of input with a line of output.
#[derive(Debug)]
pub struct JavaProgram {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Programs {
    /// Compiles every `.java` file of a folder against the jars of a release.
    ///
    /// # Errors
    ///
    /// When the jars cannot be brought, when javac is missing, or when a program is wrong.
    pub fn compile(version: KafkaVersion, sources: &Path) -> Result<Self, LabError> {
        let library = artifacts::fetch(version)?;
        let context = || format!("cannot read {}", sources.display());
        let mut files = Vec::new();
        for entry in sources.read_dir().map_err(LabError::io(context()))? {
            let path = entry.map_err(LabError::io(context()))?.path();
            if path.extension().is_some_and(|extension| extension == "java") {
                files.push(path);
            }
        }
        files.sort();
        let mut digest = Sha256::new();
        for file in &files {
            digest.update(cache::read(file)?);
        }
        let digest = digest.finalize();
        let name = URL_SAFE_NO_PAD.encode(digest.get(..9).unwrap_or(&digest));
        let classes = cache::version_folder(version)?.join("programs").join(name);
        cache::make_once(
            &classes,
            |_| true,
            |staging| {
                let mut javac = Command::new(java::program("javac"));
                javac.arg("-Xlint:all").arg("-cp").arg(library.join("*")).arg("-d").arg(staging);
                javac.args(&files).stdin(Stdio::null());
                java::run(javac, "javac").map(drop)
            },
        )?;
        Ok(Self { version, classes })
    }

    /// The command of a program.
    ///
    /// # Errors
    ///
    /// When the cache's place cannot be told.
    pub fn command(&self, main: &str) -> Result<Command, LabError> {
        JavaCommand {
            version: self.version,
            main,
            heap: "256m",
            options: &[],
            classes: Some(&self.classes),
            logging: None,
        }
        .build()
    }

    /// Runs a program to its end and gives what it printed on stdout.
    ///
    /// # Errors
    ///
    /// When Java cannot be started, or when the program fails.
    pub fn run(&self, main: &str, arguments: &[&str]) -> Result<String, LabError> {
        let mut command = self.command(main)?;
        command.args(arguments);
        java::run(command, main)
    }

    /// Starts a program that answers line by line; it ends with this process.
    ///
    /// # Errors
    ///
    /// When Java cannot be started.
    pub fn start(&self, main: &str, arguments: &[&str]) -> Result<JavaProgram, LabError> {
        let mut command = self.command(main)?;
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = guard::spawn(&mut command)?;
        let input = child.stdin.take();
        let output = child.stdout.take().expect("it was asked for as a pipe");
        Ok(JavaProgram { name: main.to_owned(), child, input, output: BufReader::new(output) })
    }
}

impl JavaProgram {
    /// Sends a value as a line of JSON and gives the one that answers it.
    ///
    /// # Errors
    ///
    /// When the program has ended, with what it had to say on stderr, or when it answers no JSON.
    pub fn ask(&mut self, question: &Value) -> Result<Value, LabError> {
        let answer = self.ask_line(&question.to_string())?;
        serde_json::from_str(&answer)
            .map_err(|error| LabError::Protocol(format!("{} answered: {error}", self.name)))
    }

    fn ask_line(&mut self, line: &str) -> Result<String, LabError> {
        let mut talk = || -> std::io::Result<String> {
            let input = self.input.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
            input.write_all(format!("{line}\n").as_bytes())?;
            input.flush()?;
            let mut answer = String::new();
            match self.output.read_line(&mut answer)? {
                0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
                _ => Ok(answer.trim_end_matches('\n').to_owned()),
            }
        };
        talk().map_err(LabError::io(format!("no answer from {}", self.name)))
    }
}

impl Drop for JavaProgram {
    fn drop(&mut self) {
        // Its input ends here, and so should it; a kill makes sure.
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
