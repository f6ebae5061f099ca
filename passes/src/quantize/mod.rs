//! From floats to 8-bit integers.

pub mod observed;

pub use observed::observed;
