//! Runtimes: what runs models for shrinx, behind the traits of `shrinx-ops`.
//!
//! [`Rten`] is embedded: a pure Rust engine, nothing to download. Nobody to the left of this crate names a runtime; it is handed in as `&dyn Runtime`.
//!
//! [`OnnxRuntime`] is a library that the user has, loaded when it is asked for.
//!
//! A runtime that computes something wrongly is worse than none, because its values decide whether a pass is believed. So a runtime is used only for what
//! it was seen to do rightly: `rten-ops.txt` lists, per operator, the element types for which rten agrees with the expected outputs of the ONNX node tests
//! and with ONNX Runtime; what deviates is rewritten before rten sees it, or refused when the model is prepared. The list is made again by
//! `examples/run_node_tests.rs`.

mod input;
#[cfg(feature = "onnxruntime")]
mod onnxruntime;
mod part;
mod place;
#[cfg(feature = "rten")]
mod rten;

#[cfg(feature = "onnxruntime")]
pub use onnxruntime::{LoadError, OnnxRuntime};
#[cfg(feature = "rten")]
pub use rten::Rten;
