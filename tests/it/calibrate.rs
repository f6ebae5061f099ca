//! `shrinx calibrate` and `shrinx merge-stats`.

use crate::support::{Run, SMALL, fixture, model, shrinx};
use std::path::{Path, PathBuf};

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(desk.at("small.onnx"), model(SMALL)).unwrap();
        std::fs::create_dir(desk.at("data")).unwrap();
        for k in 0..5u8 {
            std::fs::write(desk.at(&format!("data/{k}.npy")), npy(&[f32::from(k), -1.5, 2.0, 0.25])).unwrap();
        }
        desk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Calibrates the small model on the folder of samples.
    fn calibrate(&self, output: &str, more: &[&str]) -> Run {
        let paths = [self.at("small.onnx"), self.at("data"), self.at(output)].map(|p| p.display().to_string());
        let [model, data, output] = paths.each_ref().map(String::as_str);
        shrinx([&["calibrate", model, "--data", data, "-o", output], more].concat())
    }

    fn merge(&self, parts: &[&str], output: &str) -> Run {
        let paths = parts.iter().map(|p| self.at(p).display().to_string());
        shrinx(["merge-stats".to_string()].into_iter().chain(paths).chain(["-o".into(), self.at(output).display().to_string()]))
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.at(name)).unwrap()
    }
}

/// A row of values, as NumPy writes it.
fn npy(row: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': (1, {}), }}\n", row.len());
    let data: Vec<u8> = row.iter().flat_map(|x| x.to_le_bytes()).collect();
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

fn fixture_run(output: &Path, more: &[&str]) -> Run {
    let (model, output) = (fixture("fashion_resnet.onnx").display().to_string(), output.display().to_string());
    shrinx([&["calibrate", model.as_str(), "-o", output.as_str(), "--force"], more].concat())
}

#[test]
fn shards_add_up_to_one_run_on_any_number_of_threads() {
    let desk = Desk::new();
    let run = |name: &str, more: &[&str]| {
        fixture_run(&desk.at(name), &[&["--random", "7"], more].concat()).fine();
        desk.bytes(name)
    };
    let whole = run("all", &[]);
    assert_eq!(run("threads", &["--threads", "2"]), whole);
    for k in 1..=3 {
        run(&k.to_string(), &["--shard", &format!("{k}/3")]);
    }
    desk.merge(&["3", "1", "2"], "merged").fine();
    assert_eq!(desk.bytes("merged"), whole);
    let twice = desk.merge(&["1", "2", "1"], "twice").refused("E0715");
    assert!(twice.stderr.contains("a shard was given twice"), "{}", twice.stderr);
    assert!(!desk.at("twice").exists());
}

#[test]
fn statistics_of_another_model_and_damaged_ones_are_refused() {
    let desk = Desk::new();
    desk.calibrate("small", &[]).fine();
    fixture_run(&desk.at("other"), &["--random", "1"]).fine();
    desk.merge(&["small", "other"], "merged").refused("E0714");
    let mut bytes = desk.bytes("small");
    bytes.pop();
    std::fs::write(desk.at("cut"), bytes).unwrap();
    let refused = desk.merge(&["cut"], "merged").refused("E0713");
    assert!(refused.stderr.contains("cut: is damaged: "), "{}", refused.stderr);
    desk.merge(&["small.onnx"], "merged").refused("E0711");
}

#[test]
fn says_what_was_taken_for_a_sample_and_what_was_made_up() {
    let desk = Desk::new();
    let run = desk.calibrate("a", &[]).fine();
    assert!(run.stderr.contains("on 5 samples: ") && run.stderr.contains("each of 5 files is one run, taken as it is"), "{}", run.stderr);
    let json = desk.calibrate("b", &["--format", "json", "--max-samples", "2", "-q"]).fine();
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((report["samples"].as_u64(), report["random"].as_bool(), json.stderr.as_str()), (Some(2), Some(false), ""));
    let random = fixture_run(&desk.at("c"), &["--random", "2"]).fine();
    assert!(random.stderr.contains("on 2 RANDOM samples: "), "{}", random.stderr);
}

#[test]
fn nans_are_named() {
    let desk = Desk::new();
    std::fs::write(desk.at("data/5.npy"), npy(&[f32::NAN, f32::INFINITY, 1.0, 1.0])).unwrap();
    let layer = "g (float[N,4] x) => (float[N,2] y) <float[4,2] w = {1, 2, 3, 4, 5, 6, 7, 8}> { y = MatMul(x, w) }";
    std::fs::write(desk.at("small.onnx"), model(layer)).unwrap();
    let run = desk.calibrate("a", &[]).fine();
    assert!(run.stderr.contains("`x` has 1 NaN and 1 infinite values, left out of its range"), "{}", run.stderr);
}

#[test]
fn refuses_what_does_not_fit_before_anything_is_written() {
    let desk = Desk::new();
    desk.calibrate("a", &[]).fine();
    desk.calibrate("a", &[]).refused("E0603");
    desk.calibrate("a", &["--force"]).fine();
    desk.calibrate("small.onnx", &["--force"]).refused("E0603");
    desk.calibrate("b", &["--shard", "7/9"]).refused("E0603");
    assert_eq!(desk.calibrate("b", &["--shard", "0/2"]).code, 2);
    std::fs::write(desk.at("data/5.npy"), npy(&[1.0; 3])).unwrap();
    let refused = desk.calibrate("b", &[]).refused("E0704");
    assert!(refused.stderr.contains("5.npy: input `x` has length 4 on axis 1, given is [1, 3]"), "{}", refused.stderr);
    assert!(refused.stderr.contains("the model wants `x` float[?, 4]"), "{}", refused.stderr);
    assert!(!desk.at("b").exists());
}

#[test]
fn statistics_go_through_devices_pipes_and_stdout() {
    use std::os::unix::fs::FileTypeExt;
    let desk = Desk::new();
    desk.calibrate("a", &[]).fine();
    let [small, data] = ["small.onnx", "data"].map(|n| desk.at(n).display().to_string());
    let calibrate = |to: &str, more: &[&str]| shrinx([&["calibrate", &small, "--data", &data, "-o", to], more].concat());
    calibrate("/dev/null", &[]).fine();
    calibrate("-", &["--format", "json"]).refused("E0603");
    calibrate(&desk.at("none/a").display().to_string(), &[]).refused("E0201");
    let pipe = desk.at("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reads = pipe.clone();
    let reader = std::thread::spawn(move || std::fs::read(reads).unwrap());
    desk.merge(&["a"], "pipe").fine();
    assert!(reader.join().unwrap() == desk.bytes("a") && pipe.metadata().unwrap().file_type().is_fifo());
    let piped =
        std::process::Command::new(env!("CARGO_BIN_EXE_shrinx")).args(["calibrate", &small, "--data", &data, "-o", "-"]).output().unwrap();
    assert!(piped.stdout == desk.bytes("a"));
}
