//! What `optimize` promises of every result.

use crate::support::{FIXTURES, SMALL, fixture, model, root, shrinx};
use std::path::{Path, PathBuf};

/// Real models beyond the fixtures, where they are.
fn more_models() -> Vec<PathBuf> {
    let shared = root().join("../shared/tasks");
    if !shared.is_dir() {
        eprintln!("skipped the task models: {} is not there", shared.display());
        return Vec::new();
    }
    let mut found: Vec<PathBuf> = Vec::new();
    let folders = std::fs::read_dir(shared).unwrap().map(|e| e.unwrap().path());
    for folder in folders.filter(|f| f.is_dir()) {
        let models = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
        found.extend(models.filter(|p| p.extension().is_some_and(|e| e == "onnx")));
    }
    found.sort();
    found
}

#[test]
fn results_are_smaller_equal_and_final() {
    let folder = tempfile::tempdir().unwrap();
    let sources: Vec<PathBuf> = FIXTURES.iter().map(|f| fixture(f)).chain(more_models()).collect();
    for (source, level) in sources.iter().flat_map(|s| [(s, "-O1"), (s, "-O2")]) {
        let out = |name: &str| folder.path().join(name);
        let run =
            |from: &Path, to: &str| shrinx(["optimize".as_ref(), from, level.as_ref(), "-o".as_ref(), &out(to), "--force".as_ref()]).fine();
        let report = run(source, "first.onnx");
        let checked = ["values equal on 2 seeded runs", "nothing was changed"].iter().any(|said| report.stderr.contains(said));
        assert!(checked && !report.stderr.contains("warning"), "{}: {}", source.display(), report.stderr);
        run(source, "again.onnx");
        run(&out("first.onnx"), "second.onnx");
        let bytes = |name: &str| std::fs::read(out(name)).unwrap();
        assert!(bytes("first.onnx") == bytes("again.onnx"), "{} is not deterministic", source.display());
        assert!(bytes("first.onnx") == bytes("second.onnx"), "{} is not final", source.display());
        assert!(bytes("first.onnx").len() as u64 <= source.metadata().unwrap().len(), "{} grew", source.display());
    }
}

#[test]
fn batch_norm_goes_into_weights() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.onnx");
    shrinx(["optimize".as_ref(), fixture("fashion_resnet.onnx").as_path(), "-o".as_ref(), &out]).fine();
    let info = shrinx(["info".as_ref(), out.as_path()]).fine().stdout;
    assert!(!info.contains("BatchNormalization"), "{info}");
}

#[test]
fn level_zero_returns_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in FIXTURES {
        let out = folder.path().join(name);
        shrinx(["optimize".as_ref(), fixture(name).as_path(), "-O0".as_ref(), "-o".as_ref(), &out]).fine();
        assert!(std::fs::read(fixture(name)).unwrap() == std::fs::read(out).unwrap(), "{name}");
    }
}

#[test]
fn passes_can_be_chosen_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("in.onnx"), folder.path().join("out.onnx"));
    std::fs::write(&source, model(SMALL)).unwrap();
    let optimize = |extra: &[&str]| {
        let run = shrinx(["optimize", source.to_str().unwrap(), "-o", out.to_str().unwrap(), "--force"].iter().chain(extra));
        (run, shrinx(["text".as_ref(), out.as_path()]).stdout)
    };
    assert!(!optimize(&[]).1.contains("Add"));
    assert!(optimize(&["--skip", "eliminate-identity"]).1.contains("Add"));
    assert!(optimize(&["--pass", "eliminate-dead"]).1.contains("Identity"));
    let (run, _) = optimize(&["--pass", "eliminate-ded"]);
    assert!(run.refused("E0601").stderr.contains("did you mean `eliminate-dead`?"));
}

#[test]
fn a_dry_run_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let report = shrinx(["optimize".as_ref(), fixture("fashion_resnet.onnx").as_path(), "--dry-run".as_ref()]).fine();
    assert!(report.stderr.contains("fuse-batch-norm"), "{}", report.stderr);
    assert!(crate::support::files(folder.path()).is_empty());
}

#[test]
fn reports_are_for_programs_too() {
    let run =
        shrinx(["optimize".as_ref(), fixture("ppocr_cls.onnx").as_path(), "--dry-run".as_ref(), "--format".as_ref(), "json".as_ref()]);
    let report: serde_json::Value = serde_json::from_str(&run.fine().stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert!(report["after"]["nodes"].as_u64().unwrap() < report["before"]["nodes"].as_u64().unwrap());
}
