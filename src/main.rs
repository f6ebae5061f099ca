//! The binary `shrinx`.

use std::process::ExitCode;

/// A graph is a hundred thousand small allocations; the system's allocator takes half of the time on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    shrinx::cli::main_with(&shrinx::standard())
}
