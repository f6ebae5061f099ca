//! Calibrating and quantizing, as a user does.

use crate::support::{Bench, Run, fixture, json, model, root, shrinx};
use serde_json::Value;
use std::path::PathBuf;

fn data() -> PathBuf {
    root().join("fixtures/data/fashion.npz")
}

impl Bench {
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
    assert!(run.stderr.contains("--exclude `nobody*` matches nothing") && run.stderr.contains("(Conv): excluded"), "{}", run.stderr);
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

#[test]
fn a_speed_that_no_choice_reaches_writes_nothing_and_tells_what_can_be_had() {
    let bench = Bench::new();
    let asked = ["--min-speedup", "50", "--max-samples", "8"];
    let run = bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &asked);
    assert!(run.code == 1 && run.stderr.contains("error[E0605]: the layers that may gain are predicted to run "), "{run:?}");
    assert!(run.stderr.contains("x as fast, not 50x; at most ") && !bench.path("q.onnx").exists(), "{run:?}");
    let kept = bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &[&asked[..], &["--keep-going", "--format", "json", "-q"]].concat());
    assert!(kept.code == 1 && kept.stderr.contains("E0605") && bench.path("q.onnx").exists(), "{kept:?}");
    let report = json(&kept);
    assert_eq!(report["latency"]["source"], "predicted");
    assert_eq!(report["latency"]["int8_speedup"], report["predicted"]["speedup"]);
    assert_eq!(bench.run("quantize", "fashion_resnet.onnx", "x.onnx", &["--min-speedup", "0.5"]).code, 2);
}

#[test]
fn a_speed_that_can_be_reached_is() {
    let bench = Bench::new();
    let report = json(
        &bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &["--min-speedup", "2", "--max-samples", "8", "--format", "json"]).fine(),
    );
    assert!(
        report["predicted"]["speedup"].as_f64() >= Some(2.0) && report["plan"]["front"].as_array().is_some_and(|f| f.len() > 2),
        "{report}"
    );
}

#[test]
fn preparation_and_int8_are_timed_apart_where_onnx_runtime_is() {
    if std::env::var_os("ORT_DYLIB_PATH").is_none() {
        eprintln!("skipped: ORT_DYLIB_PATH names no library of ONNX Runtime");
        return;
    }
    let bench = Bench::new();
    let run = |name: &str, more: &[&str]| {
        bench.run("quantize", "fashion_resnet.onnx", name, &[&["--runtime", "onnxruntime", "--max-samples", "8"], more].concat())
    };
    let report = json(&run("a.onnx", &["--format", "json"]).fine());
    let latency = &report["latency"];
    assert!(latency["source"] == "measured" && latency["batch"].as_u64() >= Some(1) && latency["runs"].as_u64() >= Some(3), "{latency}");
    for figure in ["original_ms", "prepared_ms", "int8_ms", "preparation_speedup", "int8_speedup"] {
        assert!(latency[figure].as_f64().is_some_and(|x| x > 0.0), "{latency}");
    }
    let said = run("b.onnx", &[]).fine().stderr;
    assert!(
        said.contains("preparation measured: ") && said.contains("int8 measured: ") && said.contains("predicted by the cost table: "),
        "{said}"
    );
    assert!(bench.bytes("a.onnx") == bench.bytes("b.onnx"), "clocks decide nothing");
}

#[test]
fn a_plan_is_kept_like_other_results() {
    let bench = Bench::new();
    let plan = bench.path("plan.json").display().to_string();
    let run = |more: &[&str]| {
        bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &[&["--dry-run", "--max-samples", "4", "--plan"], more].concat())
    };
    run(&[&plan]).fine();
    let decisions: Value = serde_json::from_slice::<Value>(&bench.bytes("plan.json")).unwrap()["decisions"].clone();
    let decisions = decisions.as_array().unwrap();
    assert!(decisions.len() == 10 && decisions.iter().all(|d| d["reason"].as_str().is_some_and(|r| !r.is_empty())), "{decisions:?}");
    run(&[&plan]).refused("E0603");
    run(&[&plan, "--force"]).fine();
    run(&["/dev/null"]).fine();
    let model = bench.path("q.onnx").display().to_string();
    bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &["--plan", &model]).refused("E0603");
    run(&[data().to_str().unwrap(), "--force"]).refused("E0603");
}

#[test]
fn bodies_stay_float_and_are_counted() {
    let bench = Bench::new();
    let text = "g (float[N,4] x, bool c) => (float[N,4] y) <float[4,4] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2}> {
        y = If <then_branch = t () => (float[N,4] a) { a = MatMul(x, w) }, else_branch = e () => (float[N,4] n) { n = Neg(x) }> (c)
    }";
    let path = bench.path("body.onnx");
    std::fs::write(&path, model(text)).unwrap();
    let run = shrinx(["quantize", path.to_str().unwrap(), "--dry-run", "--random", "3"]).fine();
    assert!(run.stderr.contains("  1 float: bodies and functions stay float"), "{}", run.stderr);
}

#[test]
fn what_is_quantized_already_is_said() {
    let bench = Bench::new();
    bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &["--max-samples", "8"]).fine();
    let (source, samples) = (bench.path("q.onnx"), data());
    let again =
        shrinx(["quantize", source.to_str().unwrap(), "--dry-run", "--max-samples", "4", "--data", samples.to_str().unwrap()]).fine();
    assert!(again.stderr.contains("float: it is quantized already"), "{}", again.stderr);
}

#[test]
fn one_sample_is_enough_to_see_values() {
    let bench = Bench::new();
    let run = bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &["--max-samples", "1"]).fine();
    assert!(!run.stderr.contains("not seen"), "{}", run.stderr);
}

#[test]
fn statistics_alone_take_no_options_about_samples() {
    let bench = Bench::new();
    for option in [&["--min-sqnr", "30"][..], &["--max-samples", "3"], &["--layers"]] {
        let run = bench.run("quantize", "fashion_resnet.onnx", "q.onnx", &[&["--stats", "all"], option].concat());
        assert!(run.code == 2 && run.stderr.contains("cannot be used with"), "{run:?}");
    }
}
