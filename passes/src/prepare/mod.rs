//! Passes that ready a float model for the fast kernels of a runtime, and for quantization: they need a newer opset, or reassociate more than `-O1` does.

mod affine;
mod conv_input;
mod hard_swish;
mod matmul_add_to_gemm;
mod raise_opset;
mod sink;
mod sink_factors;
mod sink_terms;

pub use hard_swish::FuseHardSwish;
pub use matmul_add_to_gemm::MatMulAddToGemm;
pub use raise_opset::RaiseOpset;
pub use sink_factors::SinkFactors;
pub use sink_terms::SinkTerms;
