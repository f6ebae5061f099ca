//! The command line: arguments in, exit code out.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 fine or equal; 1 differs, or a budget is missed; 2 usage or unreadable input; 3 our own fault.

mod args;
mod bench;
mod calibrate;
mod compare;
mod costs;
mod error;
mod input;
mod inspect;
mod optimize;
mod progress;
mod prune;
mod quantize;
mod runtime;
mod samples;
mod target;

use args::{Arguments, Command};
use clap::Parser;
use error::CliError;
use shrinx_rewrite::Registry;
use std::{io::Write, process::ExitCode};

/// The command line over a registry of passes: that of the binary, or one with passes of your own.
pub fn main_with(registry: &Registry) -> ExitCode {
    // A reader of our output that goes away ends us quietly, with the code that shells expect.
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(u8::from(e.use_stderr()) * 2);
        }
    };
    quiet_runtimes();
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(registry, &arguments))) {
        Ok(code) => code,
        Err(_) => ExitCode::from(3),
    }
}

/// A runtime that gives up on its own thread is answered where it was called; anything else is our fault, and said so.
fn quiet_runtimes() {
    std::panic::set_hook(Box::new(|fault| {
        let on_its_thread = std::thread::current().name().is_some_and(|name| name.starts_with("rten"));
        let of_runtime = on_its_thread || fault.location().is_some_and(|at| at.file().contains("/rten-"));
        if !of_runtime {
            eprintln!(
                "error[E0901]: internal error: {fault}\n  help: this is a bug of shrinx: please report it, with the model if you can"
            );
        }
    }));
}

fn run(registry: &Registry, arguments: &Arguments) -> ExitCode {
    let outcome = match &arguments.command {
        Command::Optimize(optimize) => optimize::run(registry, optimize, arguments.verbosity()),
        Command::Calibrate(calibrate) => calibrate::run(registry, calibrate, arguments.verbosity()),
        Command::MergeStats(parts) => calibrate::merge(parts, arguments.verbosity()),
        Command::Quantize(quantize) => quantize::run(registry, quantize, arguments.verbosity()),
        Command::Prune(prune) => prune::run(registry, prune, arguments.verbosity()),
        Command::Explain(explain) => inspect::explain(registry, explain, arguments.verbosity()),
        Command::Info(info) => inspect::info(info),
        Command::Text(text) => inspect::text(text),
        Command::Diff(diff) => inspect::diff(diff),
        Command::Compare(compare) => compare::run(compare, arguments.verbosity()),
        Command::Bench(bench) => bench::run(bench, arguments.verbosity()),
        Command::Passes(passes) => inspect::passes(registry, passes),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprint!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Writes data to stdout. A closed pipe is no error.
fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(CliError::stdout(&e)),
        _ => Ok(()),
    }
}
