//! Fuzzes `milena_tests::fuzzing::properties`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| milena_tests::fuzzing::properties(data));
