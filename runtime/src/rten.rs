//! The embedded runtime: [rten](https://github.com/robertknight/rten), with its optimizer off, so that every value can be read.
//!
//! A copy of the wanted part of the model is made, rewritten into what rten computes rightly, serialized and loaded. rten knows float32, int32, int8 and
//! uint8; it computes int64 and bool as int32, and the values that come out are given their declared types again. Integers beyond 32 bits are refused in
//! the model and in what is fed; one that arises in mid-run, from values within 32 bits, is not noticed unless it is asked for.

mod adapt;
mod convs;
mod held;
mod known;
mod part;
mod refused;
mod rewrites;
mod session;
mod site;
mod values;

use part::Part;
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
}

impl Rten {
    /// A runtime that computes on one thread.
    pub fn new() -> Self {
        Self::with_threads(1)
    }

    /// A runtime that computes on so many threads.
    pub fn with_threads(threads: usize) -> Self {
        Self { pool: Arc::new(ThreadPool::with_num_threads(threads.max(1))), everything: false }
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
        let part = Part::of(model, wanted)?;
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
        options.enable_optimization(false);
        let loaded = guarded(|| Ok::<_, RuntimeError>(options.load(bytes.into())))?;
        let loaded = loaded.map_err(|e| match e.node().and_then(|name| labelled(model, name)) {
            Some(node) => unsupported(model, node, without_place(&e.to_string())),
            None => unsupported_model(e.to_string()),
        })?;
        Ok(Box::new(RtenSession::new(model, &facts, &part, wanted, loaded, Arc::clone(&self.pool))?))
    }
}

/// The name that a node has in the copy: rten's messages lead back to the node by it.
fn label(node: NodeId) -> String {
    format!("node#{}", node.index())
}

fn labelled(model: &Model, label: &str) -> Option<NodeId> {
    let index: usize = label.strip_prefix("node#")?.split('.').next()?.parse().ok()?;
    model.nodes().find(|n| n.index() == index)
}

/// What rten says, without the name that the node has in the copy.
fn without_place(said: &str) -> &str {
    said.strip_prefix("in node ").and_then(|s| s.split_once("\": ")).map_or(said, |(_, rest)| rest)
}

/// A node as messages name it.
fn describe(model: &Model, node: NodeId) -> String {
    let named = model.node(node).name.as_deref().filter(|n| !n.is_empty());
    let first = || model.outputs(node).iter().flatten().next().map_or("?", |v| model.name(*v));
    format!("`{}`", named.unwrap_or_else(first))
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
        Err(failed(format_args!("it panicked: {}", said.unwrap_or("without a message"))))
    })
}
