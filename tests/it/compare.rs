//! Comparing two models by running them, and racing them.

use crate::support::{Run, fixture, json, model, shrinx};
use std::path::{Path, PathBuf};

const DENSE: &str = "
    dense (float[N,4] x) => (float[N,2] y) <float[4,2] w = {1.0, 0.5, 0.25, 2.0, 1.5, 0.75, 1.0, 1.25}> {
        t = MatMul(x, w)
        y = Relu(t)
    }";

struct Models {
    folder: tempfile::TempDir,
}

impl Models {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn add(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, model(text)).unwrap();
        path
    }
}

fn compare(a: &Path, b: &Path, extra: &[&str]) -> Run {
    shrinx(["compare", a.to_str().unwrap(), b.to_str().unwrap(), "--random", "3"].iter().chain(extra))
}

#[test]
fn a_model_is_no_different_from_itself() {
    let path = fixture("fashion_mbv.onnx");
    let report = json(&compare(&path, &path, &["--format", "json", "--layers", "--budget", "sqnr>=200", "--budget", "maxabs<=0"]).fine());
    assert_eq!((&report["schema_version"], &report["samples"], &report["random"]), (&1.into(), &3.into(), &true.into()));
    assert_eq!((&report["outputs"][0]["sqnr"], &report["outputs"][0]["equal"]), (&300.0.into(), &1.0.into()));
    let layers = report["layers"].as_array().unwrap();
    assert!(layers.len() > 10 && layers.iter().all(|l| l["equal"] == 1.0), "{}", layers.len());
}

#[test]
fn a_missed_budget_is_exit_code_1_and_says_by_how_much() {
    let models = Models::new();
    let a = models.add("a.onnx", DENSE);
    let b = models.add("b.onnx", &DENSE.replace("1.25", "1.5"));
    compare(&a, &b, &["--budget", "sqnr>=5"]).fine();
    let missed = compare(&a, &b, &["--budget", "sqnr>=60", "--budget", "cosine>=0.1"]);
    assert_eq!(missed.code, 1);
    assert!(missed.stderr.contains("error[E0605]: sqnr>=60: output `y` has ") && missed.stderr.contains("off by "), "{}", missed.stderr);
    assert!(missed.stdout.contains("RANDOM") && !missed.stderr.contains("cosine"), "{missed:?}");
    let refused = compare(&a, &b, &["--budget", "sqnr=60"]);
    assert!(refused.code == 2 && refused.stderr.contains("is no budget"), "{refused:?}");
}

#[test]
fn layers_come_worst_first() {
    let models = Models::new();
    let graph = |c: &str| {
        format!(
            "g (float[N,2] x) => (float[N,2] y) <float[2] c = {{{c}}}, float[1] k = {{20.0}}> {{ a = Neg(x) b = Add(a, c) d = Add(b, k) y = Abs(d) }}"
        )
    };
    let (a, b) = (models.add("a.onnx", &graph("1.0, 1.0")), models.add("b.onnx", &graph("1.0, 3.0")));
    let report = json(&compare(&a, &b, &["--format", "json", "--layers"]).fine());
    let names: Vec<&str> = report["layers"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["b", "d", "a"], "{report}");
}

#[test]
fn outputs_that_cannot_be_compared_are_a_difference() {
    let models = Models::new();
    let a = models.add("a.onnx", "g (float[2] x) => (float[2] y, float[2] z) { y = Neg(x) z = Abs(x) }");
    let b = models.add("b.onnx", "g (float[2] x) => (float[1,2] y) <int64[2] s = {1, 2}> { t = Neg(x) y = Reshape(t, s) }");
    let run = compare(&a, &b, &[]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("output `y`: shape [2] in A, [1, 2] in B; output `z`: B has no output of this name"), "{}", run.stderr);
}

#[test]
fn a_race_tells_times_machine_and_ratio() {
    let path = fixture("fashion_mbv.onnx");
    let bench = |extra: &[&str]| {
        shrinx(["bench", path.to_str().unwrap(), path.to_str().unwrap(), "--random", "2", "--seconds", "0.2"].iter().chain(extra)).fine()
    };
    let report = json(&bench(&["--format", "json"]));
    assert_eq!((&report["schema_version"], &report["runtime"], &report["judged_by"]), (&1.into(), &"rten".into(), &"cpu".into()));
    let of = |k: usize, field: &str| report["models"][k]["cpu"][field].as_f64().unwrap();
    assert!(of(0, "min") > 0.0 && of(1, "min") <= of(1, "median") && of(1, "median") <= of(1, "p99"), "{report}");
    assert!(report["machine"]["cores"].as_u64().unwrap() > 0 && report["runs"].as_u64().unwrap() >= 10);
    assert!(report["speed_up"]["low"].as_f64() <= report["speed_up"]["value"].as_f64());
    let text = bench(&["--threads", "2"]).stdout;
    assert!(text.contains("rten 0.27.0, 2 threads") && text.contains("x as fast as A") && text.contains("by wall time"), "{text}");
}

#[test]
fn onnx_runtime_tells_what_runs_in_8_bits() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("skipped: ORT_DYLIB_PATH names no library of ONNX Runtime");
        return;
    }
    let path = fixture("fashion_mbv.onnx");
    let run = shrinx(["bench", path.to_str().unwrap(), "--random", "1", "--seconds", "0.1", "--runtime", "onnxruntime"]).fine();
    assert!(run.stdout.contains("A: 0 of ") && run.stdout.contains(" heavy ops run int8"), "{}", run.stdout);
}

#[test]
fn samples_must_be_asked_for() {
    let path = fixture("fashion_mbv.onnx");
    let path = path.to_str().unwrap();
    assert_eq!(shrinx(["compare", path, path]).code, 2);
    assert_eq!(shrinx(["bench", path]).code, 2);
    assert_eq!(shrinx(["bench", path, "--random", "1", "--seconds", "-1"]).code, 2);
}

#[test]
fn samples_come_from_files_one_at_a_time() {
    let models = Models::new();
    let a = models.add("a.onnx", DENSE);
    let data = models.folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for (k, x) in [1.0f32, 2.0, 4.0].into_iter().enumerate() {
        let header = format!("{:117}\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }");
        let values = [x, -x, x, 0.5].into_iter().flat_map(f32::to_le_bytes);
        let bytes: Vec<u8> = b"\x93NUMPY\x01\x00\x76\x00".iter().copied().chain(header.bytes()).chain(values).collect();
        std::fs::write(data.join(format!("{k}.npy")), bytes).unwrap();
    }
    let run = |extra: &[&str]| {
        shrinx(["compare", a.to_str().unwrap(), a.to_str().unwrap(), "--data", data.to_str().unwrap()].iter().chain(extra)).fine()
    };
    let whole = run(&["--layers"]);
    assert!(whole.stdout.starts_with("3 samples on rten\n") && whole.stdout.contains("no difference"), "{whole:?}");
    assert!(whole.stderr.contains("each of 3 files is one run"), "{whole:?}");
    let part = run(&["--max-samples", "2", "--format", "json"]);
    assert_eq!((&json(&part)["samples"], &json(&part)["random"]), (&2.into(), &false.into()));
    assert!(part.stderr.contains("; 2 of them are used"), "{part:?}");
}
