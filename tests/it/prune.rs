//! Pruning, as a user does.

use crate::support::{Bench, Run, fixture, json, model, shrinx};
use serde_json::Value;

impl Bench {
    /// `shrinx prune MODEL -o NAME`.
    fn prune(&self, model: &str, name: &str, extra: &[&str]) -> Run {
        let (model, out) = (if fixture(model).is_file() { fixture(model) } else { self.path(model) }, self.path(name));
        shrinx(["prune", model.to_str().unwrap(), "-o", out.to_str().unwrap()].iter().chain(extra))
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn what_is_predicted_is_what_comes_out_and_the_cut_is_proven() {
    let bench = Bench::new();
    for (name, most) in [("ppocr_cls.onnx", 0.30), ("fashion_resnet.onnx", 0.27), ("fashion_mbv.onnx", 0.35)] {
        let report = json(&bench.prune(name, name, &["--keep", "0.5", "--round-to", "1", "--format", "json"]).fine());
        let (plan, after) = (&report["plan"], &report["after"]);
        assert_eq!(plan["predicted"]["params"], after["params"], "{name}");
        assert_eq!(plan["predicted"]["macs"], after["macs_sample"], "{name}");
        assert_eq!(report["proof"]["outcome"], "equal", "{name}: {}", report["proof"]["message"]);
        let (before, after) = (number(&report["before"]["params"]), number(&after["params"]));
        assert!((after as f64) < most * before as f64, "{name}: {after} of {before} params");
        assert!(bench.bytes(name).len() as u64 == number(&report["file_bytes"][1]));
    }
}

#[test]
fn a_target_is_reached_and_not_overshot() {
    let bench = Bench::new();
    for (target, before, after) in [("macs=0.5", "macs_sample", "macs_sample"), ("params=0.4", "params", "params")] {
        let report = json(&bench.prune("fashion_resnet.onnx", "p.onnx", &["--target", target, "--force", "--format", "json"]).fine());
        let share = number(&report["after"][after]) as f64 / number(&report["before"][before]) as f64;
        let wanted: f64 = target.split_once('=').unwrap().1.parse().unwrap();
        assert!(share <= wanted && share > wanted - 0.05, "{target}: {share}");
        let widths = report["plan"]["groups"].as_array().unwrap().iter().map(|g| (number(&g["kept"]), number(&g["units"])));
        assert!(widths.clone().all(|(kept, units)| kept == units || kept % 8 == 0), "{:?}", widths.collect::<Vec<_>>());
    }
    let latency = json(&bench.prune("fashion_resnet.onnx", "l.onnx", &["--target", "latency=0.6", "--format", "json"]).fine());
    let [before, after] = ["before", "predicted"].map(|k| latency["plan"][k]["latency_us"].as_f64().unwrap());
    assert!(after <= 0.6 * before, "{before} us -> {after} us");
}

#[test]
fn what_cannot_be_reached_writes_nothing() {
    let bench = Bench::new();
    let run = bench.prune("fashion_resnet.onnx", "p.onnx", &["--target", "macs=0.001"]);
    assert!(run.code == 1 && run.stderr.contains("E0605") && !bench.path("p.onnx").exists(), "{run:?}");
    let run = bench.prune("fashion_resnet.onnx", "p.onnx", &["--target", "macs=0.001", "--keep-going"]);
    assert!(run.code == 1 && bench.path("p.onnx").exists(), "{run:?}");
}

#[test]
fn a_plan_is_replayed_to_the_same_bytes() {
    let bench = Bench::new();
    let plan = bench.path("plan.json").display().to_string();
    bench.prune("fashion_mbv.onnx", "a.onnx", &["--target", "macs=0.6", "--importance", "l1", "--plan", &plan]).fine();
    bench.prune("fashion_mbv.onnx", "b.onnx", &["--replay", &plan]).fine();
    assert!(bench.bytes("a.onnx") == bench.bytes("b.onnx"));
    let dry = shrinx(["prune", fixture("fashion_mbv.onnx").to_str().unwrap(), "--replay", &plan, "--dry-run"]).fine();
    assert!(dry.stderr.contains("macs 0.6"), "{}", dry.stderr);
    bench.prune("fashion_resnet.onnx", "c.onnx", &["--replay", &plan]).refused("E0811");
    bench.prune("fashion_mbv.onnx", "c.onnx", &["--replay", fixture("fashion_mbv.onnx").to_str().unwrap()]).refused("E0603");
}

#[test]
fn every_score_gives_a_proven_cut() {
    let bench = Bench::new();
    let mut seen = Vec::new();
    for score in ["l1", "l2", "geometric-median", "gamma", "lamp", "random"] {
        let run = bench.prune("fashion_resnet.onnx", score, &["--keep", "0.5", "--importance", score, "--format", "json"]).fine();
        let report = json(&run);
        assert_eq!(report["proof"]["outcome"], "equal", "{score}");
        seen.push((score, report["plan"]["groups"].clone()));
    }
    assert_ne!(seen[1].1, seen[5].1, "random is not l2");
}

/// A convolution whose channels 1 and 3 are dead, a second one, and what reads it.
const DEAD: &str = "g (float[N,1,4,4] x) => (float[N,1,4,4] y)
    <float[4,1,1,1] a = {1.0, 0.0, 2.0, 0.0}, float[2,4,1,1] b = {1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0}, float[1,2,1,1] c = {1.0, 1.0}> {
        [first] p = Conv(x, a) q = Relu(p) [second] r = Conv(q, b) s = Relu(r) [third] y = Conv(s, c) }";

#[test]
fn layers_are_excluded_and_limited() {
    let bench = Bench::new();
    std::fs::write(bench.path("dead"), model(DEAD)).unwrap();
    let free = ["--keep", "0.5", "--round-to", "1", "--force", "--format", "json"];
    let kept = |least: &str, extra: &[&str]| -> Vec<u64> {
        let report = json(&bench.prune("dead", "p.onnx", &[&free[..], &["--min-channels", least], extra].concat()).fine());
        report["plan"]["groups"].as_array().unwrap().iter().map(|g| number(&g["kept"])).collect()
    };
    assert_eq!(kept("1", &[]), [2, 1]);
    let pruned = bench.bytes("p.onnx");
    assert_eq!(kept("1", &["--exclude", "third"]), [2, 2]);
    assert_eq!(kept("1", &["--limit", "fir*=0.75"]), [3, 1]);
    assert_eq!(kept("2", &[]), [2, 2]);
    assert!(pruned.len() < bench.bytes("p.onnx").len());
    let run = bench.prune("dead", "p.onnx", &["--keep", "0.5", "--exclude", "nobody*", "--force"]).fine();
    assert!(run.stderr.contains("`nobody*` matches nothing"), "{}", run.stderr);
    let text = shrinx(["text", bench.path("p.onnx").to_str().unwrap()]).fine().stdout;
    assert!(text.contains("float[4,1,1,1]"), "narrower than 8 stays whole: {text}");
}

#[test]
fn locks_are_explained_with_their_price() {
    let bench = Bench::new();
    let numbers = vec!["1.0"; 32].join(", ");
    let whole = model(&format!(
        "g (float[N,4] x) => (float[N,4] y) <float[4,8] a = {{{numbers}}}, float[8,4] b = {{{numbers}}}> {{
            h = MatMul(x, a) m = Mystery.Op(h) y = MatMul(m, b) }}"
    ));
    std::fs::write(bench.path("whole"), whole).unwrap();
    let path = bench.path("whole").display().to_string();
    let report = json(&shrinx(["explain", &path, "--prune", "--format", "json"]).fine());
    let obstacle = report["obstacles"].as_array().unwrap().iter().find(|o| o["op"] == "Mystery.Op");
    assert_eq!(obstacle.map(|o| (number(&o["params"]), number(&o["macs"]))), Some((32, 32)), "{report:#}");
    let text = shrinx(["explain", &path, "--prune"]).fine().stdout;
    assert!(text.contains("m (Mystery.Op): no rule for its channels; keeps a[1] whole"), "{text}");
}
