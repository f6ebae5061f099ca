//! What a run did, for people and for programs.

mod calibration;

pub use calibration::{CalibrationReport, TensorTrouble};

use crate::summary::{SAMPLE_LENGTH, Summary};
use comfy_table::{CellAlignment, Table, presets};
use shrinx_rewrite::{Notes, check::Check};
use std::{collections::BTreeMap, fmt::Write, time::Duration};

/// What a run of a pipeline did.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Report {
    /// Version of this structure.
    pub schema_version: u32,
    /// The model as it came.
    pub before: Summary,
    /// The result.
    pub after: Summary,
    /// Bytes of the files before and after, external data included.
    pub file_bytes: Option<(u64, u64)>,
    /// The passes that ran.
    pub steps: Vec<StepReport>,
    /// Passes that were undone.
    pub failures: Vec<Failure>,
    /// Whether the result computes what the original computes.
    pub check: CheckReport,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            schema_version: 1,
            before: Summary::default(),
            after: Summary::default(),
            file_bytes: None,
            steps: Vec::new(),
            failures: Vec::new(),
            check: Check::Off.into(),
        }
    }
}

/// What a pass did, over all rounds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct StepReport {
    /// The pass.
    pub pass: String,
    /// Rewrites applied, or things removed.
    pub applied: usize,
    /// Reasons for leaving matches alone: how often, and one example.
    pub skipped: BTreeMap<String, (usize, String)>,
    /// Time it took. Not part of what is written to the model.
    pub seconds: f64,
}

/// A pass that was undone.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// The pass; `all` where the model was left as it was.
    pub pass: String,
    /// What went wrong.
    pub problem: String,
}

impl Failure {
    /// The model was left as it was.
    pub(crate) fn of_all(problem: String) -> Self {
        Self { pass: "all".into(), problem }
    }
}

/// Whether a result computes what the original computes.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct CheckReport {
    /// `equal`, `not-run` or `off`; a result that differs is never returned.
    pub outcome: &'static str,
    /// The outcome in words.
    pub message: String,
}

impl From<Check> for CheckReport {
    fn from(check: Check) -> Self {
        let outcome = match check {
            Check::Equal { .. } => "equal",
            Check::Differs { .. } => "differs",
            Check::NotRun { .. } => "not-run",
            Check::Off => "off",
        };
        Self { outcome, message: check.to_string() }
    }
}

impl StepReport {
    /// Adds what one run of a pass did; a later run of the same pass tells why matches are left alone in the end.
    pub(crate) fn add(reports: &mut Vec<Self>, pass: &str, notes: &Notes, time: Duration) {
        let skipped = notes.skipped.iter().map(|(reason, s)| (reason.clone(), (s.count, s.example.clone()))).collect();
        match reports.iter_mut().find(|r| r.pass == pass) {
            Some(report) => {
                report.applied += notes.applied;
                report.seconds += time.as_secs_f64();
                report.skipped = skipped;
            }
            None => reports.push(Self { pass: pass.into(), applied: notes.applied, skipped, seconds: time.as_secs_f64() }),
        }
    }
}

impl Report {
    /// The report for people. `verbosity` 0: the passes that did something; 1: all; 2: with the reasons for leaving matches alone.
    pub fn to_text(&self, verbosity: u8) -> String {
        let mut out = self.table();
        for step in self.steps.iter().filter(|s| s.applied > 0 || verbosity > 0) {
            let _ = writeln!(out, "{:<20} {:>5} applied {:>8.1} ms", step.pass, step.applied, step.seconds * 1e3);
            if verbosity > 1 {
                for (reason, (count, example)) in &step.skipped {
                    let _ = writeln!(out, "    left alone {count} times, as {example}: {reason}");
                }
            }
        }
        for failure in &self.failures {
            let _ = match failure.pass.as_str() {
                "all" => writeln!(out, "warning: the model was left as it is: {}", failure.problem),
                pass => writeln!(out, "warning: pass `{pass}` was undone: {}", failure.problem),
            };
        }
        let _ = writeln!(out, "{}", self.check.message);
        out
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(["", "before", "after"]);
        let (a, b) = (&self.before, &self.after);
        table.add_row(["nodes".into(), a.nodes.to_string(), b.nodes.to_string()]);
        let names: Vec<&String> = a.ops.keys().chain(b.ops.keys()).collect();
        let mut changed: Vec<&String> = names.into_iter().filter(|op| a.ops.get(*op) != b.ops.get(*op)).collect();
        changed.sort();
        changed.dedup();
        for op in changed {
            let count = |s: &Summary| s.ops.get(op).map_or("-".to_string(), ToString::to_string);
            table.add_row([format!("  {op}"), count(a), count(b)]);
        }
        table.add_row(["params".into(), grouped(a.params), grouped(b.params)]);
        table.add_row(["MACs".into(), macs(a), macs(b)]);
        if let Some((before, after)) = self.file_bytes {
            table.add_row(["file bytes".into(), grouped(before), grouped(after)]);
        }
        for column in 1..3 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        format!("{table}\n")
    }
}

/// Multiply-accumulates for people: a number, a polynomial in declared lengths, or the number at sample lengths.
pub fn macs(summary: &Summary) -> String {
    let plain = summary.macs.as_deref().filter(|m| m.len() <= 40);
    let text = match (plain, summary.macs_sample) {
        (Some(macs), _) => macs.parse().map_or_else(|_| macs.to_string(), grouped),
        (None, Some(sample)) => format!("{} (batch 1, other lengths {SAMPLE_LENGTH})", grouped(sample.unsigned_abs())),
        (None, None) => "?".into(),
    };
    if summary.macs_unknown > 0 { format!("{text} + {} nodes of unknown cost", summary.macs_unknown) } else { text }
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
