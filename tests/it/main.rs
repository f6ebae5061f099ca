//! End to end: the binary, as a user meets it.

mod bad_input;
mod calibrate;
mod compare;
mod external;
mod fuzz;
mod house;
mod ops_doc;
mod optimize;
mod output;
mod prune;
mod quantize;
mod recipe;
mod runtime;
mod support;
mod text;
mod undo;
