//! What the tests share: the binary, fixtures, models made of a few bytes.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The folder of the repository. Asked for at run time: a binary that was built elsewhere, in a shared target folder, may be up to date for cargo.
pub(crate) fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap()
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    root().join("fixtures/models").join(name)
}

pub(crate) const FIXTURES: [&str; 3] = ["fashion_resnet.onnx", "fashion_mbv.onnx", "ppocr_cls.onnx"];

/// Runs the binary.
pub(crate) fn shrinx<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_shrinx")).args(arguments).output().unwrap();
    Run::of(&output)
}

/// A folder of its own for a test.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }
}

/// What was printed, as JSON.
pub(crate) fn json(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.stdout).unwrap()
}

/// What the binary said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// A run that went well.
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// A refusal with this code: one coded error with help, exit code 2, nothing on stdout.
    #[track_caller]
    pub(crate) fn refused(self, code: &str) -> Self {
        assert_eq!(self.code, 2, "{self:?}");
        assert!(self.stderr.starts_with(&format!("error[{code}]: ")), "{}", self.stderr);
        assert!(self.stderr.contains("\n  help: "), "{}", self.stderr);
        assert!(self.stdout.is_empty() && !self.stderr.contains("panicked"), "{self:?}");
        self
    }
}

/// A model from text.
pub(crate) fn model(text: &str) -> Vec<u8> {
    shrinx::to_bytes(&shrinx::ir::text::parse(text).unwrap()).unwrap().to_vec()
}

/// A small model with a few things to do.
pub(crate) const SMALL: &str = r"
    small (float[N,4] x) => (float[N,4] y) <float[4] b = {-0.0, -0.0, -0.0, -0.0}> {
        i = Identity(x)
        a = Add(i, b)
        y = Relu(a)
    }";

/// Files in a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
