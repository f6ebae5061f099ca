//! How far a long run is: a bar with rate and time left, on a terminal alone.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

pub(super) struct Bar(ProgressBar);

impl Bar {
    /// A bar for so many steps; none where stderr is no terminal, or nothing is to be said.
    pub(super) fn new(what: &'static str, steps: usize, verbosity: Option<u8>) -> Self {
        let shown = verbosity.is_some() && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target).with_prefix(what);
        let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} samples, {per_sec}, {eta} left");
        Self(if let Ok(style) = style { bar.with_style(style) } else { bar })
    }

    /// So many steps are done.
    pub(super) fn at(&self, done: usize) {
        self.0.set_position(done as u64);
    }

    /// Takes it away.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
