//! Plain numbers in, plain numbers out: the numerics of quantization and pruning, with faer behind names of the field. Knows no graph and nothing of
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
//! | `normal` | the same as normal equations, with a bias: the error of any weights |
//! | `ridge` | least squares with a damped diagonal |
//! | `refit` | weights fitted anew to inputs and wanted outputs, also where only one side is wanted |
//! | `obs` | in which order inputs are best taken away |
//! | `fold` | what was taken away put on what stays |
//! | `eigen` | eigenvalues, singular values, whitening |
//! | `gptq` | rounding with error feedback |
//! | `rounding` | weight scales per row, rounding to nearest |
//! | `scales` | scales per input channel that share the noise between activations and weights |
//! | `knapsack` | which layers to quantize, and how |
//! | `cholesky` | the one factorization behind all of them |
//!
//! Matrices are row-major slices; `[a, b]` in a doc is their shape, and a slice of another length is a bug of the caller and panics.
//! Trouble in the numbers (a Gram matrix that is not positive definite, or not of numbers) is an answer: `None`.
//!
//! Every product runs in one thread (`Par::Seq`), so that the result is the same for any number of threads. Whoever has many layers runs
//! them side by side. On processors of another kind, where sums are split otherwise, its last
//! bits may differ.

mod cholesky;
mod eigen;
mod fold;
mod gptq;
mod gram;
mod knapsack;
mod normal;
mod obs;
mod refit;
mod ridge;
mod rounding;
mod scales;
#[cfg(test)]
mod testing;

pub use eigen::{Eigen, Svd, Whitening, eigen, svd, whitening};
pub use fold::{Folded, fold};
pub use gptq::gptq;
pub use gram::{Gram, Moments};
pub use knapsack::{Front, Point, knapsack};
pub use normal::Normal;
pub use obs::{Order, Reader, obs_order};
pub use refit::{Flat, Refit, Refitter, refit};
pub use ridge::ridge;
pub use rounding::{absmax_scales, mse_scales, round_to_nearest};
pub use scales::{InputScales, search_scales};
