//! The walls of the house: file lengths, and what may be named where.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

fn all(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let root = crate::support::root();
    let mut paths = Vec::new();
    for folder in folders {
        sources(&root.join(folder), &mut paths);
    }
    paths.into_iter().map(|p| (p.strip_prefix(&root).unwrap().to_path_buf(), std::fs::read_to_string(&p).unwrap())).collect()
}

#[test]
fn files_tell_one_story() {
    for (path, text) in all(&["proto", "ir", "ops", "rewrite", "calib", "solve", "passes", "runtime", "src", "tests"]) {
        assert!(text.lines().count() <= 500, "{} has {} lines", path.display(), text.lines().count());
    }
}

#[test]
fn walls_stand() {
    let no = |folder: &str, word: &str, but: &[&str]| {
        for (path, text) in all(&[folder]) {
            let excused = but.iter().any(|b| path.starts_with(b));
            let found = text.lines().any(|l| l.contains(word) && !l.trim_start().starts_with("//"));
            assert!(excused || !found, "{} names `{word}`", path.display());
        }
    };
    no("ir", "shrinx_proto", &["ir/src/read", "ir/src/read.rs", "ir/src/write", "ir/src/write.rs"]);
    no("ir", "petgraph", &["ir/src/model.rs", "ir/src/edit.rs"]);
    no("ir", "unsafe ", &["ir/src/mapped.rs"]);
    no("ir", "memmap2", &["ir/src/mapped.rs"]);
    for folder in ["ops", "rewrite", "passes", "runtime", "src"] {
        for word in ["shrinx_proto", "petgraph", "unsafe "] {
            no(folder, word, &[]);
        }
    }
    // What is baked into a binary may be gone when it runs.
    for folder in ["proto", "ir", "ops", "rewrite", "calib", "solve", "passes", "runtime", "src", "tests"] {
        no(folder, concat!("env!(\"CARGO_", "MANIFEST_DIR\")"), &[]);
    }
    no("passes/src", "println!", &[]);
    no("passes/src", "clap", &[]);
}
