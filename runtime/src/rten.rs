//! The embedded runtime: [rten](https://github.com/robertknight/rten), with its optimizer off unless asked for, so that every value can be read.
//!
//! A copy of the wanted part of the model is made, rewritten into what rten computes rightly, serialized and loaded. rten knows float32, int32, int8 and
//! uint8; it computes int64 and bool as int32, and the values that come out are given their declared types again. Integers beyond 32 bits are refused in
//! the model and in what is fed; one that arises in mid-run, from values within 32 bits, is not noticed unless it is asked for.

mod adapt;
mod convs;
mod held;
mod known;
mod quantize;
mod refused;
mod rewrites;
mod session;
mod site;
#[cfg(test)]
mod testing;
mod values;

use crate::{
    part::Part,
    place::{describe, labelled},
};
use rten::{ModelOptions, ThreadPool};
use session::RtenSession;
use shrinx_ops::{
    Facts, OpTable, Runtime, RuntimeError, Session,
    ir::{Model, NodeId, ValueId, to_bytes},
};
use site::Site;
use std::{
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

const NAME: &str = "rten";

/// The embedded runtime. Results do not depend on the number of threads.
#[derive(Clone, Debug)]
pub struct Rten {
    pool: Arc<ThreadPool>,
    everything: bool,
    optimizer: bool,
}

impl Rten {
    /// The version of rten.
    pub const VERSION: &str = "0.27.0";

    /// A runtime that computes on one thread.
    pub fn new() -> Self {
        Self::with_threads(1)
    }

    /// A runtime that computes on so many threads.
    pub fn with_threads(threads: usize) -> Self {
        Self { pool: Arc::new(ThreadPool::with_num_threads(threads.max(1))), everything: false, optimizer: false }
    }

    /// The runtime with its own optimizer on and weights packed ahead: for measuring speed, where only outputs are wanted.
    #[must_use]
    pub fn with_optimizer(mut self) -> Self {
        self.optimizer = true;
        self
    }

    /// The runtime without the list of operators that it is known to compute rightly: for making that list.
    #[must_use]
    pub fn with_unproven_operators(mut self) -> Self {
        self.everything = true;
        self
    }
}

impl Default for Rten {
    fn default() -> Self {
        Self::new()
    }
}

impl Runtime for Rten {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&self, model: &Model, wanted: &[ValueId]) -> Result<Box<dyn Session>, RuntimeError> {
        let part = Part::of(NAME, model, wanted)?;
        let facts = Facts::infer(model, &OpTable::standard());
        for node in part.nodes(model) {
            let site = Site::of(model, &facts, &part, node);
            let unproven = || if self.everything { None } else { known::reason(&site) };
            if let Some(reason) = refused::reason(&site).map(String::from).or_else(unproven) {
                return Err(unsupported(model, node, reason));
            }
        }
        held::check(model, &facts, &part)?;
        let copy = adapt::adapted(model, &facts, &part);
        let bytes = to_bytes(&copy).map_err(|e| unsupported_model(e.to_string()))?;
        let mut options = ModelOptions::with_all_ops();
        options.enable_optimization(self.optimizer).prepack_weights(self.optimizer);
        let loaded = guarded(|| Ok::<_, RuntimeError>(options.load(bytes.into())))?;
        let loaded = loaded.map_err(|e| match e.node().and_then(|name| labelled(model, name)) {
            Some(node) => unsupported(model, node, without_place(&e.to_string())),
            None => unsupported_model(e.to_string()),
        })?;
        Ok(Box::new(RtenSession::new(model, &facts, &part, wanted, loaded, Arc::clone(&self.pool))?))
    }
}

/// What rten says, without the name that the node has in the copy.
fn without_place(said: &str) -> &str {
    said.strip_prefix("in node ").and_then(|s| s.split_once("\": ")).map_or(said, |(_, rest)| rest)
}

fn unsupported(model: &Model, node: NodeId, reason: impl Into<String>) -> RuntimeError {
    RuntimeError::Unsupported { runtime: NAME, op: model.node(node).op.to_string(), node: describe(model, node), reason: reason.into() }
}

fn unsupported_model(reason: impl Into<String>) -> RuntimeError {
    RuntimeError::UnsupportedModel { runtime: NAME, reason: reason.into() }
}

fn failed(reason: impl Display) -> RuntimeError {
    RuntimeError::Failed { runtime: NAME, reason: reason.to_string() }
}

/// Runs code of rten, whose panics are its bugs and not ours.
fn guarded<T>(run: impl FnOnce() -> Result<T, RuntimeError>) -> Result<T, RuntimeError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(failed(format_args!("it broke down: {}", said.unwrap_or("without a message"))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_ops::{
        ir::{ReadOptions, read_file},
        seeded_feeds,
    };

    #[test]
    fn neither_threads_nor_what_else_is_wanted_change_a_bit() {
        let model = read_file("../fixtures/models/fashion_resnet.onnx".as_ref(), &ReadOptions::default()).unwrap();
        let facts = Facts::infer(&model, &OpTable::standard());
        let all: Vec<ValueId> = model.values().filter(|v| model.producer(*v).is_some() && facts.of(*v).dtype.is_some()).collect();
        let feeds = seeded_feeds(&model, &facts, &|_| 2, 1).unwrap();
        let outputs: Vec<ValueId> = model.scope(Model::MAIN).outputs().iter().map(|d| d.value).collect();
        let alone = testing::values(&Rten::new(), &model, &outputs, &feeds).unwrap();
        let again = testing::values(&Rten::with_threads(2), &model, &outputs, &feeds).unwrap();
        let among = testing::values(&Rten::new(), &model, &all, &feeds).unwrap();
        assert_eq!(alone, again);
        for (value, tensor) in outputs.iter().zip(&alone) {
            let at = all.iter().position(|v| v == value).unwrap();
            assert_eq!(tensor, &among[at]);
        }
    }

    #[test]
    fn the_version_is_that_of_the_dependency() {
        let manifest = std::fs::read_to_string("../Cargo.toml").unwrap();
        assert!(manifest.contains(&format!("rten = {{ version = \"={}\"", Rten::VERSION)));
    }

    #[test]
    fn its_optimizer_leaves_outputs_as_they_are() {
        let model = testing::model(
            "g (float[N,2] x) => (float[N,2] y) <float[2,2] w = {1.0, 2.0, 3.0, 4.0}, float[2] b = {1.0, 1.0}> { t = MatMul(x, w) y = Add(t, b) }",
        );
        let feeds = [("x", shrinx_ops::ir::Tensor::from_f32([1, 2], &[1.0, 2.0]))].into_iter().collect();
        let y = model.find(Model::MAIN, "y").unwrap();
        assert_eq!(testing::floats(&testing::values(&Rten::new().with_optimizer(), &model, &[y], &feeds).unwrap()[0]), [8.0, 11.0]);
    }

    #[test]
    fn a_panic_is_an_error() {
        let error = guarded::<()>(|| panic!("index {}", 3)).unwrap_err();
        assert_eq!(error, RuntimeError::Failed { runtime: NAME, reason: "it broke down: index 3".into() });
    }

    #[test]
    fn only_what_is_wanted_must_be_supported() {
        let model = testing::model("g (float[2] x) => (float[2] y, float[2] z) { y = Relu(x) z = Hardmax(y) }");
        let [y, z] = ["y", "z"].map(|name| model.find(Model::MAIN, name).unwrap());
        assert!(Rten::new().prepare(&model, &[y]).is_ok());
        let refused = Rten::new().prepare(&model, &[y, z]).err().unwrap();
        assert_eq!(refused.to_string(), "rten does not run node `z` (Hardmax): the operator is not known to be right");
    }
}
