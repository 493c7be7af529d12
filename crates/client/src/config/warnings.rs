//! Problems of a configuration as data: warnings that are kept, errors that are put into one message.

use std::fmt;

/// What is wrong with one property.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The property, as it was written.
    pub property: String,
    /// The line of the `.properties` file, from 1.
    pub line: Option<usize>,
    /// What is wrong, what was expected and what to do. Secrets are masked.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} (line {line}): {}", self.property, self.message),
            None => write!(f, "{}: {}", self.property, self.message),
        }
    }
}

/// What is odd about a configuration, but no reason to refuse it.
///
/// ```
/// use milena::config::ProducerConfig;
///
/// let config = ProducerConfig::from_properties([
///     ("bootstrap.servers", "localhost:9092"),
///     ("linger.msec", "20"),
/// ])?;
/// let warning = config.warnings().iter().next().unwrap();
/// assert_eq!(warning.property, "linger.msec");
/// assert!(warning.message.contains("did you mean `linger.ms`?"));
/// # Ok::<(), milena::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings(pub(super) Vec<Finding>);

impl Warnings {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }
}

impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_findings(&self.0, f)
    }
}

/// All findings on one line, numbered when there are several.
pub(super) fn in_one_message(findings: &[Finding]) -> String {
    struct Numbered<'a>(&'a [Finding]);
    impl fmt::Display for Numbered<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_findings(self.0, f)
        }
    }
    match findings {
        [_, _, ..] => format!("{} problems: {}", findings.len(), Numbered(findings)),
        _ => Numbered(findings).to_string(),
    }
}

fn write_findings(findings: &[Finding], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, finding) in findings.iter().enumerate() {
        if index > 0 {
            f.write_str("; ")?;
        }
        if findings.len() > 1 {
            write!(f, "({}) ", index + 1)?;
        }
        write!(f, "{finding}")?;
    }
    Ok(())
}
