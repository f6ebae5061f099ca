//! The report for people.

use super::{Latency, Prediction, QuantizeReport, Source};
use crate::timing::Interval;
use shrinx_passes::quantize::decibels;
use std::fmt::Write;

/// Outputs that are listed.
const OUTPUTS: usize = 8;

impl QuantizeReport {
    /// What was done, in a few lines; with verbosity, the decision about each heavy node; with `pareto`, all choices worth naming.
    pub fn to_text(&self, verbosity: u8, pareto: bool) -> String {
        let mut out = String::new();
        let plan = &self.plan;
        for pattern in &self.unmatched {
            let _ = writeln!(out, "warning: --exclude `{pattern}` matches nothing");
        }
        for trouble in &self.troubles {
            let _ = writeln!(out, "warning: {trouble}");
        }
        if self.random_data {
            let _ = writeln!(out, "warning: RANDOM samples: ranges and figures say nothing of real data; do not ship this model");
        }
        if pareto {
            let _ = writeln!(out, "{:>8} {:>10} {:>12}", "layers", "saved", "SQNR (pred.)");
            for point in &plan.front {
                let knee = if point.knee { "  the knee" } else { "" };
                let _ = writeln!(out, "{:>8} {:>9.1}% {:>9.1} dB{knee}", point.layers, 100.0 * point.saved_share, decibels(point.noise));
            }
        }
        if verbosity > 0 {
            for d in &plan.decisions {
                let sqnr = d.sqnr.map_or(String::new(), |s| format!(", {s:.1} dB alone"));
                let gain = d.gain_us.map_or(String::new(), |g| format!(", saves {g:.0} us"));
                let _ = writeln!(out, "{:<5} {} ({}): {}{gain}{sqnr}", if d.int8 { "int8" } else { "float" }, d.name, d.op, d.reason);
            }
        }
        let _ = writeln!(out, "{} int8 ops of {} heavy ones ({})", plan.int8(), plan.decisions.len(), self.judged_by());
        out += &self.reasons();
        if let Some(heavy) = self.heavy.as_ref().filter(|heavy| heavy.int8 < plan.int8()) {
            let _ = writeln!(out, "warning: the runtime runs fewer layers int8 than were chosen: {heavy}");
        }
        if let Some(refusal) = &plan.refusal {
            let _ = writeln!(out, "the result is the model as optimize -O2 prepares it: {refusal}");
        } else if plan.int8() == 0 {
            let _ = writeln!(out, "the result is the model as optimize -O2 prepares it: nothing is predicted to gain from int8");
        } else {
            let Prediction { prepared_ms, int8_ms, speedup, .. } = self.predicted;
            let _ = writeln!(
                out,
                "predicted by the cost table: {speedup:.2}x as fast, {prepared_ms:.3} -> {int8_ms:.3} ms, of the layers that may gain"
            );
        }
        out += &self.latency();
        if let Some(comparison) = &self.comparison {
            let _ = writeln!(out, "outputs against the original, {} samples:", comparison.samples);
            for output in comparison.outputs.iter().take(OUTPUTS) {
                let m = &output.measures;
                let show =
                    |name: &str, value: Option<f64>, digits: usize| value.map_or(String::new(), |v| format!("  {name} {v:.digits$}"));
                let figures = show("SQNR dB", m.sqnr, 1) + &show("cosine", m.cosine, 5) + &show("same argmax", m.argmax, 4);
                let _ = writeln!(out, "  {}{figures}{}", output.name, output.problem.as_ref().map_or(String::new(), |p| format!("  {p}")));
            }
        }
        out
    }

    /// What preparation gained, and what int8 did.
    fn latency(&self) -> String {
        let mut out = String::new();
        let Latency { original_ms, prepared_ms, int8_ms, batch, runs, .. } = self.latency;
        let within = |interval: Option<Interval>| match interval {
            Some(Interval { value, low, high }) => format!("{value:.2}x as fast (95 %: {low:.2} to {high:.2})"),
            None => String::new(),
        };
        let each = if batch == 1 { String::new() } else { format!(" on {batch} samples each") };
        let how = format!("processor time of {runs} runs in turns{each}, 1 thread");
        match (self.latency.source, original_ms) {
            (Source::Measured, Some(original_ms)) => {
                let gain = within(self.latency.preparation_interval);
                let _ = writeln!(out, "preparation measured: {original_ms:.3} -> {prepared_ms:.3} ms, {gain}; {how}");
                if self.plan.int8() > 0 {
                    let gain = within(self.latency.int8_interval);
                    let _ = writeln!(out, "int8 measured:        {prepared_ms:.3} -> {int8_ms:.3} ms, {gain}");
                }
                if self.latency.int8_interval.is_some_and(|i| i.high < 1.0) {
                    let _ = writeln!(
                        out,
                        "warning: int8 is slower here: measure this machine's kernels (bench --costs) and pass --costs, or --exclude layers"
                    );
                }
            }
            (Source::Measured | Source::Predicted, _) => {
                let _ = writeln!(out, "nothing was timed: that takes samples, and --runtime onnxruntime");
            }
        }
        out
    }

    /// How many nodes stay float for each reason.
    fn reasons(&self) -> String {
        let mut all: Vec<(&str, usize)> = Vec::new();
        for decision in self.plan.decisions.iter().filter(|d| !d.int8) {
            match all.iter_mut().find(|(reason, _)| *reason == decision.reason) {
                Some((_, count)) => *count += 1,
                None => all.push((&decision.reason, 1)),
            }
        }
        let mut out = String::new();
        for (reason, count) in all {
            let _ = writeln!(out, "  {count} float: {reason}");
        }
        out
    }

    fn judged_by(&self) -> String {
        match &self.heavy {
            Some(heavy) => format!("{} of {} run int8 in the runtime's optimized graph", heavy.int8, heavy.total),
            None => "predicted: only ONNX Runtime shows what it runs".into(),
        }
    }
}
