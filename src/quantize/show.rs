//! The report for people.

use super::QuantizeReport;
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
            let _ = writeln!(out, "warning: --exclude {pattern} matches nothing");
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
        if let Some(refusal) = &plan.refusal {
            let _ = writeln!(out, "the result is float: {refusal}");
        } else if plan.int8() == 0 {
            let _ = writeln!(out, "the result is float, prepared by optimize -O2: no layer is predicted to be faster in int8");
        } else {
            let _ = writeln!(out, "predicted to save {:.0} % of the time of the layers concerned", 100.0 * plan.saved_share);
        }
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

    fn judged_by(&self) -> String {
        match &self.heavy {
            Some(heavy) => format!("{} of {} run int8 in the runtime's optimized graph", heavy.int8, heavy.total),
            None => "predicted: only ONNX Runtime shows what it runs".into(),
        }
    }
}
