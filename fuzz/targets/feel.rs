//! Fuzzes `milena_tests::fuzzing::feel`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| milena_tests::fuzzing::feel(data));
