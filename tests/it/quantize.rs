//! Calibrating and quantizing, as a user does.

use crate::support::{Run, fixture, root, shrinx};
use serde_json::Value;
use std::path::PathBuf;

fn data() -> PathBuf {
    root().join("fixtures/data/fashion.npz")
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// `shrinx VERB MODEL -o NAME` with samples.
    fn run(&self, verb: &str, model: &str, name: &str, extra: &[&str]) -> Run {
        let (model, out, data) = (fixture(model), self.path(name), data());
        let mut all = vec![verb, model.to_str().unwrap(), "-o", out.to_str().unwrap()];
        if !extra.contains(&"--stats") && !extra.contains(&"--random") {
            all.extend(["--data", data.to_str().unwrap()]);
        }
        shrinx(all.iter().chain(extra))
    }
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_residual_network_runs_int8_and_stays_true() {
    let bench = Bench::new();
    let report = json(&bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &["--format", "json"]).fine());
    let decisions = report["plan"]["decisions"].as_array().unwrap();
    let int8 = decisions.iter().filter(|d| d["int8"] == true).count();
    assert!(int8 * 2 > decisions.len(), "{int8} of {}", decisions.len());
    let sqnr = report["comparison"]["overall"]["sqnr"].as_f64().unwrap();
    assert!(sqnr >= 26.0, "{sqnr} dB");
    let text = shrinx(["text", bench.path("q.onnx").to_str().unwrap()]).fine().stdout;
    assert!(
        text.contains("float[batch,1,28,28] input) => (float[batch,10] logits)") && text.contains("QuantizeLinear"),
        "{}",
        &text[..300]
    );
    let (before, after) = (std::fs::metadata(fixture("fashion_resnet.onnx")).unwrap().len(), bench.bytes("q.onnx").len() as u64);
    assert!(after * 2 < before, "{before} -> {after} bytes");
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let bench = Bench::new();
    for (threads, name) in [("1", "a.onnx"), ("3", "b.onnx")] {
        bench.run("quantize", "fashion_mbv.onnx", name, &["--threads", threads, "--max-samples", "12", "-q"]).fine();
    }
    assert!(bench.bytes("a.onnx") == bench.bytes("b.onnx"));
}

#[test]
fn shards_merge_to_the_statistics_of_one_run() {
    let bench = Bench::new();
    bench.run("calibrate", "fashion_resnet.onnx", "all", &[]).fine();
    for (shard, name) in [("1/2", "one"), ("2/2", "two")] {
        bench.run("calibrate", "fashion_resnet.onnx", name, &["--shard", shard, "--threads", "2"]).fine();
    }
    let [one, two, merged] = ["one", "two", "merged"].map(|n| bench.path(n).display().to_string());
    shrinx(["merge-stats", &two, &one, "-o", &merged]).fine();
    assert!(bench.bytes("all") == bench.bytes("merged"));
    let twice = shrinx(["merge-stats", &one, &one, "-o", &bench.path("x").display().to_string()]);
    assert!(twice.code == 2 && !bench.path("x").exists(), "{twice:?}");
    bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &["--stats", &merged]).fine();
    let other = bench.run("quantize", "fashion_mbv.onnx", "y.onnx", &["--stats", &merged]);
    assert!(other.code == 2 && !bench.path("y.onnx").exists(), "{other:?}");
}

#[test]
fn excluded_layers_stay_float_and_a_pattern_without_match_is_said() {
    let bench = Bench::new();
    let run = bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &["--exclude", "Conv", "--exclude", "nobody*", "-v"]).fine();
    assert!(run.stderr.contains("--exclude nobody* matches nothing") && run.stderr.contains("(Conv): excluded"), "{}", run.stderr);
    assert!(!run.stderr.contains("int8  "), "{}", run.stderr);
}

#[test]
fn made_up_samples_are_said_to_be_made_up() {
    let bench = Bench::new();
    let run = bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &["--random", "4"]).fine();
    assert!(run.stderr.contains("RANDOM"), "{}", run.stderr);
}

#[test]
fn a_bound_that_cannot_be_kept_writes_nothing() {
    let bench = Bench::new();
    let run = bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &["--min-sqnr", "150", "--max-samples", "8"]);
    assert!(run.code == 1 && run.stderr.contains("E0605") && !bench.path("q.onnx").exists(), "{run:?}");
}

#[test]
fn samples_of_another_model_are_one_clear_error() {
    let bench = Bench::new();
    let run = bench.run("quantize", "ppocr_cls.onnx", "q.onnx", &[]);
    assert!(run.code == 2 && run.stderr.contains("error[E07") && run.stderr.contains('x'), "{run:?}");
    assert!(!bench.path("q.onnx").exists());
}
