//! [ONNX Runtime](https://onnxruntime.ai), from a library that the user has: nothing is linked, and nothing is downloaded.
//!
//! A copy of the wanted part of the model is serialized and loaded, with wanted inner values as its outputs. Its optimizer is off where inner values are
//! wanted, so that each is the value of the model as it stands; where only outputs are wanted, all of its optimizations are on. One thread unless more are
//! asked for, and no telemetry.

mod library;
mod session;
mod values;

pub use library::LoadError;

use crate::{
    part::Part,
    place::{describe, label, labelled},
};
use ort::{
    environment::Environment,
    logging::LogLevel,
    session::{Session as Loaded, builder::GraphOptimizationLevel},
};
use session::OrtSession;
use shrinx_ops::{
    Facts, OpTable, Runtime, RuntimeError, Session,
    ir::{Model, ValueId, read_bytes, to_bytes},
};
use std::{fmt, path::Path};

const NAME: &str = "onnxruntime";

/// ONNX Runtime on the CPU.
#[derive(Clone)]
pub struct OnnxRuntime {
    environment: Environment,
    version: String,
    threads: usize,
}

impl OnnxRuntime {
    /// Loads the library at `path`; without one, that of `ORT_DYLIB_PATH`, else that of the `onnxruntime` package of `python3`. A process has one such
    /// library: the first that is loaded stays.
    pub fn load(path: Option<&Path>) -> Result<Self, LoadError> {
        let (environment, version) = library::environment(path)?;
        Ok(Self { environment, version, threads: 1 })
    }

    /// The runtime with so many threads within an operator; one unless this is called.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// The version of the library, as its file is named.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The model as ONNX Runtime runs it, after all of its optimizations: what is fused, and which operators run in 8 bits, is seen here alone.
    pub fn optimized(&self, model: &Model) -> Result<Model, RuntimeError> {
        let folder = tempfile::tempdir().map_err(|e| failed(e.to_string()))?;
        let path = folder.path().join("optimized.onnx");
        let bytes = to_bytes(model).map_err(|e| unsupported_model(e.to_string()))?;
        self.open(&bytes, GraphOptimizationLevel::All, Some(&path)).map_err(unsupported_model)?;
        let optimized = std::fs::read(&path).map_err(|e| failed(e.to_string()))?;
        read_bytes(optimized).map_err(|e| failed(format!("its optimized graph is not readable: {e}")))
    }

    fn open(&self, bytes: &[u8], level: GraphOptimizationLevel, optimized: Option<&Path>) -> Result<Loaded, String> {
        let open = || -> Result<Loaded, ort::Error> {
            let mut builder = Loaded::builder(&self.environment)?;
            if let Some(path) = optimized {
                builder = builder.with_optimized_model_path(path)?;
            }
            builder
                .with_optimization_level(level)?
                .with_intra_threads(self.threads)?
                .with_inter_threads(1)?
                .with_deterministic_compute(true)?
                .with_log_level(LogLevel::Fatal)?
                .with_config_entry("session.intra_op.allow_spinning", "0")?
                .commit_from_memory(bytes)
        };
        open().map_err(|e| e.to_string())
    }
}

impl fmt::Debug for OnnxRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnnxRuntime").field("version", &self.version).field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Runtime for OnnxRuntime {
    fn name(&self) -> &str {
        NAME
    }

    fn prepare(&self, model: &Model, wanted: &[ValueId]) -> Result<Box<dyn Session>, RuntimeError> {
        let part = Part::of(NAME, model, wanted)?;
        let facts = Facts::infer(model, &OpTable::standard());
        let mut session = OrtSession::new(model, &facts, wanted);
        let computed = session.computed();
        if !computed.is_empty() {
            let level =
                if computed.iter().all(|v| model.is_output(*v)) { GraphOptimizationLevel::All } else { GraphOptimizationLevel::Disable };
            let bytes = to_bytes(&copy(model, &part, &computed)).map_err(|e| unsupported_model(e.to_string()))?;
            session.start(self.open(&bytes, level, None).map_err(|said| refusal(model, said))?);
        }
        Ok(Box::new(session))
    }
}

/// The part of the model, with these values as its outputs.
fn copy(model: &Model, part: &Part, outputs: &[ValueId]) -> Model {
    let mut copy = model.clone();
    copy.put_out(outputs);
    for node in model.nodes() {
        if part.has_node(node) || model.node(node).scope() != Model::MAIN {
            copy.node_mut(node).name = Some(label(node));
        } else {
            copy.kill(node);
        }
    }
    for scope in copy.scopes().collect::<Vec<_>>() {
        copy.scope_mut(scope).value_info.retain(|d| part.has_value(d.value) || model.scope_of(d.value) != Model::MAIN);
    }
    copy.compact();
    copy
}

/// Why a model was not loaded: at a node, where the message names one.
fn refusal(model: &Model, said: String) -> RuntimeError {
    match place(model, &said) {
        Some((op, node, reason)) => RuntimeError::Unsupported { runtime: NAME, op, node, reason },
        None => unsupported_model(said),
    }
}

/// The operator and the node that a message speaks of, and the message with the node's own name in it.
fn place(model: &Model, said: &str) -> Option<(String, String, String)> {
    let rest = &said[said.find("node#")?..];
    let end = rest[5..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |n| n + 5);
    let node = labelled(model, &rest[..end])?;
    let name = describe(model, node);
    let reason = said.replace(&rest[..end], name.trim_matches('`'));
    Some((model.node(node).op.to_string(), name, reason))
}

fn unsupported_model(reason: impl Into<String>) -> RuntimeError {
    RuntimeError::UnsupportedModel { runtime: NAME, reason: reason.into() }
}

fn failed(reason: impl Into<String>) -> RuntimeError {
    RuntimeError::Failed { runtime: NAME, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_ops::{
        Feeds,
        ir::{DataType, Tensor, text},
    };

    /// The library, where the environment names one.
    fn runtime() -> Option<OnnxRuntime> {
        if std::env::var_os("ORT_DYLIB_PATH").is_none() {
            eprintln!("skipped: ORT_DYLIB_PATH names no library of ONNX Runtime");
            return None;
        }
        Some(OnnxRuntime::load(None).unwrap())
    }

    fn values(runtime: &OnnxRuntime, source: &str, wanted: &[&str], feeds: &[(&str, Tensor)]) -> Result<Vec<Tensor>, RuntimeError> {
        let model = text::parse(source).unwrap();
        let wanted: Vec<ValueId> = wanted.iter().map(|name| model.find(Model::MAIN, name).unwrap()).collect();
        let feeds: Feeds = feeds.iter().cloned().collect();
        let mut made = Vec::new();
        runtime.prepare(&model, &wanted)?.run(&feeds, &mut |_, tensor| {
            made.push(tensor);
            Ok(())
        })?;
        Ok(made)
    }

    const GRAPH: &str = "g (float[N,2] x, float[2] b) => (float[N,2] y, float[N,2] z) <float[2] b = {1.0, 2.0}, float[2] w = {3.0, 4.0}> {
        t = Add(x, w)
        y = Add(t, b)
        z = Neg(y)
    }";

    #[test]
    fn every_kind_of_value_may_be_wanted_and_more_than_once() {
        let Some(runtime) = runtime() else { return };
        let made = values(&runtime, GRAPH, &["y", "w", "x", "t", "y", "b"], &[("x", Tensor::from_f32([1, 2], &[10.0, 20.0]))]).unwrap();
        let expected = [[14.0, 26.0], [3.0, 4.0], [10.0, 20.0], [13.0, 24.0], [14.0, 26.0], [1.0, 2.0]];
        assert_eq!(made.iter().map(|t| t.as_f32().unwrap().into_owned()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_default_gives_way_to_what_is_fed() {
        let Some(runtime) = runtime() else { return };
        let feeds = [("x", Tensor::from_f32([1, 2], &[0.0, 0.0])), ("b", Tensor::from_f32([2], &[5.0, 6.0]))];
        assert_eq!(values(&runtime, GRAPH, &["y"], &feeds).unwrap()[0].as_f32().unwrap().as_ref(), [8.0, 10.0]);
    }

    #[test]
    fn says_what_is_wrong_with_a_feed() {
        let Some(runtime) = runtime() else { return };
        let said = |feeds: &[(&str, Tensor)]| values(&runtime, GRAPH, &["y"], feeds).unwrap_err().to_string();
        assert_eq!(said(&[]), "input `x`: no value is given");
        assert_eq!(said(&[("x", Tensor::from_f32([1, 3], &[0.0; 3]))]), "input `x`: its shape is [?, 2], given is [1, 3]");
        assert_eq!(said(&[("q", Tensor::vector_i64(&[]))]), "input `q`: the model has no input of this name");
    }

    #[test]
    fn what_it_does_not_know_is_said_at_the_node_and_only_where_it_is_wanted() {
        let Some(runtime) = runtime() else { return };
        let graph = "g (float[2] x) => (float[2] y, float[2] z) { y = Relu(x) [odd] z = NoSuchOperator(y) }";
        let feeds = [("x", Tensor::from_f32([2], &[-1.0, 1.0]))];
        assert_eq!(values(&runtime, graph, &["y"], &feeds).unwrap()[0].as_f32().unwrap().as_ref(), [0.0, 1.0]);
        let refused = values(&runtime, graph, &["z"], &feeds).unwrap_err();
        assert!(matches!(&refused, RuntimeError::Unsupported { op, node, .. } if op == "NoSuchOperator" && node == "`odd`"), "{refused:?}");
    }

    #[test]
    fn its_optimized_graph_shows_what_is_fused() {
        let Some(runtime) = runtime() else { return };
        let graph = "g (float[1,1,4,4] x) => (float[1,1,4,4] y) <float[1,1,1,1] w = {2.0}> { t = Conv(x, w) y = Relu(t) }";
        let optimized = runtime.with_threads(2).optimized(&text::parse(graph).unwrap()).unwrap();
        let ops: Vec<&str> = optimized.nodes().map(|n| optimized.node(n).op.op.as_str()).collect();
        assert!(ops.iter().any(|op| op.contains("Conv")) && !ops.contains(&"Relu"), "{ops:?}");
    }

    #[test]
    fn a_failure_names_the_node() {
        let Some(runtime) = runtime() else { return };
        let graph = "g (float[N] a, float[M] b) => (float[K] y) { [sum] y = Add(a, b) }";
        let feeds = [("a", Tensor::from_f32([2], &[0.0; 2])), ("b", Tensor::from_f32([3], &[0.0; 3]))];
        let said = values(&runtime, graph, &["y"], &feeds).unwrap_err().to_string();
        assert!(said.starts_with("onnxruntime failed: node `sum` (Add): "), "{said}");
    }

    #[test]
    fn element_types_survive_the_way_through() {
        let Some(runtime) = runtime() else { return };
        let types = DataType::ALL.iter().filter(|t| t.is_float() || t.is_integer() || **t == DataType::Bool);
        for dtype in types {
            let integers = Tensor::from_integers(*dtype, [2], &[0, 1]);
            let given = integers.or_else(|| Tensor::from_f64(*dtype, [2], &[0.0, -1.5])).unwrap();
            let graph = format!("g ({dtype}[N] x) => ({dtype}[N] y) {{ y = Identity(x) }}");
            let made = values(&runtime, &graph, &["y"], &[("x", given.clone())]).unwrap();
            assert!(made[0].same_content(&given), "{dtype}");
        }
    }
}
