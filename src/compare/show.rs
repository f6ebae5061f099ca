//! A comparison for people.

use super::{Agreement, Comparison, MAX_SQNR, Measures};
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;

impl Comparison {
    /// The comparison for people; of the inner values, the worst `layers`.
    pub fn to_text(&self, layers: usize) -> String {
        let mut out = String::new();
        let made_up = if self.random { " RANDOM, made-up" } else { "" };
        let s = if self.samples == 1 { "" } else { "s" };
        let _ = writeln!(out, "{}{made_up} sample{s} on {}", self.samples, self.runtime);
        let mut rows: Vec<(&str, &Measures)> = self.outputs.iter().filter(|o| o.measures.elements > 0).map(row).collect();
        if rows.len() > 1 {
            rows.push(("all floats", &self.overall));
        }
        let _ = writeln!(out, "{}", table("output", &rows));
        for problem in self.problems() {
            let _ = writeln!(out, "{problem}");
        }
        if let Some(all) = &self.layers {
            let rows: Vec<(&str, &Measures)> = all.iter().take(layers).map(row).collect();
            let _ = writeln!(out, "{}", table("inner value", &rows));
            if all.len() > rows.len() {
                let _ = writeln!(out, "and {} more", all.len() - rows.len());
            }
        }
        out
    }
}

fn row(agreement: &Agreement) -> (&str, &Measures) {
    (&agreement.name, &agreement.measures)
}

fn table(what: &str, rows: &[(&str, &Measures)]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([what, "SQNR dB", "cosine", "argmax same", "max abs", "equal", "elements"]);
    for (name, m) in rows {
        let cell = |value: Option<f64>, show: fn(f64) -> String| value.map_or("-".to_string(), show);
        table.add_row([
            (*name).to_string(),
            cell(m.sqnr, decibels),
            cell(m.cosine, |c| format!("{c:.6}")),
            cell(m.argmax, |c| format!("{c:.4}")),
            cell(m.max_abs, |c| format!("{c:.3e}")),
            format!("{:.4}", m.equal),
            m.elements.to_string(),
        ]);
    }
    for column in 1..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn decibels(sqnr: f64) -> String {
    if sqnr >= MAX_SQNR { "no difference".into() } else { format!("{sqnr:.2}") }
}
