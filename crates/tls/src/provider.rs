//! Which cryptography does the work.
//!
//! graviola panics at its first use on a CPU that lacks what it needs, so the CPU is asked first.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::error::TlsError;

/// The first compiled-in cryptography that the CPU can run.
pub(super) fn compiled_in() -> Result<Arc<CryptoProvider>, TlsError> {
    graviola().or_else(alternative)
}

/// What does the work when graviola cannot.
#[cfg(feature = "aws-lc-rs")]
fn alternative(_: Vec<&'static str>) -> Result<Arc<CryptoProvider>, TlsError> {
    Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

/// What does the work when graviola cannot.
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn alternative(_: Vec<&'static str>) -> Result<Arc<CryptoProvider>, TlsError> {
    Ok(Arc::new(rustls::crypto::ring::default_provider()))
}

/// Nothing else is compiled in.
#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
const fn alternative(missing: Vec<&'static str>) -> Result<Arc<CryptoProvider>, TlsError> {
    Err(TlsError::NoProvider { missing })
}

/// graviola, or the features of the CPU that it misses; none if it is not compiled in.
#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn graviola() -> Result<Arc<CryptoProvider>, Vec<&'static str>> {
    let missing = missing_cpu_features();
    if missing.is_empty() {
        Ok(Arc::new(rustls_graviola::default_provider()))
    } else {
        Err(missing)
    }
}

#[cfg(not(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64"))))]
const fn graviola() -> Result<Arc<CryptoProvider>, Vec<&'static str>> {
    Err(Vec::new())
}

/// What graviola needs and the CPU lacks.
#[cfg(all(feature = "graviola", target_arch = "x86_64"))]
fn missing_cpu_features() -> Vec<&'static str> {
    use std::arch::is_x86_feature_detected as has;
    missing([
        ("aes", has!("aes")),
        ("pclmulqdq", has!("pclmulqdq")),
        ("ssse3", has!("ssse3")),
        ("bmi1", has!("bmi1")),
        ("bmi2", has!("bmi2")),
        ("adx", has!("adx")),
        ("avx", has!("avx")),
        ("avx2", has!("avx2")),
    ])
}

/// What graviola needs and the CPU lacks.
#[cfg(all(feature = "graviola", target_arch = "aarch64"))]
fn missing_cpu_features() -> Vec<&'static str> {
    use std::arch::is_aarch64_feature_detected as has;
    missing([
        ("neon", has!("neon")),
        ("aes", has!("aes")),
        ("pmull", has!("pmull")),
        ("sha2", has!("sha2")),
    ])
}

#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
fn missing<const N: usize>(features: [(&'static str, bool); N]) -> Vec<&'static str> {
    features.into_iter().filter(|(_, present)| !present).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    #[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[test]
    fn names_what_the_cpu_lacks() {
        let missing = super::missing([("adx", false), ("avx", true), ("avx2", false)]);
        assert_eq!(missing, ["adx", "avx2"]);
    }
}
