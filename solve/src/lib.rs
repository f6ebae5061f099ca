//! Plain numbers in, plain numbers out: the numerics of quantization, with faer behind names of the field. Knows no graph and nothing of
//! ours.
//!
//! A layer is a matrix of weights, a row per output; what it was fed is a Gram matrix. From there:
//!
//! ```text
//! samples ─▶ Gram ─▶ moments H = E[x xᵀ], C = E[x yᵀ] ─┬─▶ ridge: the change of weights that makes up for quantized inputs
//!                                                      └─▶ gptq:  codes whose errors cancel under H
//! weights, E[x²] ─▶ search_scales: a scale per input channel       weights ─▶ absmax_scales | mse_scales ─▶ round_to_nearest
//! (gain, noise) per layer and variant ─▶ knapsack: the front of best trade-offs
//! ```
//!
//! | file | story |
//! |---|---|
//! | `gram` | second moments of rows, added up as they come |
//! | `ridge` | least squares with a damped diagonal |
//! | `gptq` | rounding with error feedback |
//! | `rounding` | weight scales per row, rounding to nearest |
//! | `scales` | scales per input channel that share the noise between activations and weights |
//! | `knapsack` | which layers to quantize, and how |
//! | `cholesky` | the one factorization behind `ridge` and `gptq` |
//!
//! Matrices are row-major slices; `[a, b]` in a doc is their shape, and a slice of another length is a bug of the caller and panics.
//! Trouble in the numbers (a Gram matrix that is not positive definite, or not of numbers) is an answer: `None`.
//!
//! Every product runs in one thread (`Par::Seq`), so that the result is the same for any number of threads. Whoever has many layers runs
//! them side by side. On processors of another kind, where sums are split otherwise, its last
//! bits may differ.

mod cholesky;
mod gptq;
mod gram;
mod knapsack;
mod ridge;
mod rounding;
mod scales;
#[cfg(test)]
mod testing;

pub use gptq::gptq;
pub use gram::{Gram, Moments};
pub use knapsack::{Front, Point, knapsack};
pub use ridge::ridge;
pub use rounding::{absmax_scales, mse_scales, round_to_nearest};
pub use scales::{InputScales, search_scales};
