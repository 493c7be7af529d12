//! The corpus of the fuzz targets, and every input that once found a fault, as ordinary tests.

use std::{fs, path::Path};

use milena_tests::fuzzing::TARGETS;

#[test]
fn every_kept_input_keeps_the_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (name, target) in TARGETS {
        let inputs = fs::read_dir(folder.join(name)).expect("each target has a folder");
        let mut count = 0;
        for input in inputs {
            let path = input.expect("a readable folder").path();
            let bytes = fs::read(&path).expect("a readable file");
            eprintln!("{}", path.display());
            target(&bytes);
            count += 1;
        }
        assert!(count > 0, "{name} has no input");
    }
}
