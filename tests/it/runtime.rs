//! The runtime that checks results may be chosen.

use crate::support::{fixture, root, shrinx};
use std::process::{Command, Stdio};

/// A dry run, verified by ONNX Runtime.
fn optimize(extra: &[&str]) -> crate::support::Run {
    let model = fixture("fashion_resnet.onnx");
    shrinx(["optimize", model.to_str().unwrap(), "--dry-run", "--runtime", "onnxruntime"].iter().chain(extra))
}

#[test]
fn onnx_runtime_verifies_where_it_is() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("skipped: ORT_DYLIB_PATH names no library of ONNX Runtime");
        return;
    }
    let report = optimize(&[]).fine().stderr;
    assert!(report.contains("values equal on 2 seeded runs"), "{report}");
}

#[test]
fn a_library_that_is_not_there_is_one_error_with_the_three_ways() {
    let here = root();
    for (path, says) in [("no/such.so", "there is no such file"), (here.join("Cargo.toml").to_str().unwrap(), "failed to load")] {
        let said = optimize(&["--onnxruntime-lib", path]).refused("E0506").stderr;
        assert!(said.contains(says) && ["--onnxruntime-lib", "ORT_DYLIB_PATH", "pip install"].iter().all(|w| said.contains(w)), "{said}");
    }
    let model = fixture("fashion_resnet.onnx");
    let mut bare = Command::new(env!("CARGO_BIN_EXE_shrinx"));
    bare.args(["optimize", model.to_str().unwrap(), "--dry-run", "--runtime", "onnxruntime"]).env_remove("ORT_DYLIB_PATH").env("PATH", "");
    crate::support::Run::of(&bare.stdin(Stdio::null()).output().unwrap()).refused("E0505");
}

#[test]
fn a_library_for_another_runtime_is_refused() {
    let model = fixture("fashion_resnet.onnx");
    shrinx(["optimize", model.to_str().unwrap(), "--dry-run", "--onnxruntime-lib", "x.so"]).refused("E0603");
}
