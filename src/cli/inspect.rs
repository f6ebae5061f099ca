//! `shrinx info`, `explain`, `text`, `diff` and `passes`: looking, without changing.

use super::{
    args::{Diff, Explain, Format, Info, Passes, Printing, Text},
    error::CliError,
    input, print,
};
use crate::{
    prune::{explain as obstacles_of, obstacles_to_text},
    report::{grouped, macs},
    summary::Summary,
};
use shrinx_rewrite::{
    Fidelity, Level, Registry, diff,
    ir::{Model, text},
    ops::OpTable,
};
use std::fmt::Write;

pub(super) fn info(arguments: &Info) -> Result<u8, CliError> {
    let model = input::read(&arguments.input, &arguments.reading)?;
    let summary = Summary::of(&model, &OpTable::standard());
    let bytes = input::file_bytes(&arguments.input).map(|n| n + model.external_bytes());
    match arguments.format {
        Format::Json => {
            let report = serde_json::json!({ "schema_version": 1, "file_bytes": bytes, "model": summary });
            print(&format!("{report:#}\n"))?;
        }
        Format::Human => print(&human(&summary, bytes))?,
    }
    Ok(0)
}

fn human(summary: &Summary, bytes: Option<u64>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, text: String| {
        let _ = writeln!(out, "{name:<10} {text}");
    };
    if let Some(bytes) = bytes {
        line("file bytes", grouped(bytes));
    }
    let opsets: Vec<String> = summary.opsets.iter().map(|(d, v)| format!("{} {v}", if d.is_empty() { "ai.onnx" } else { d })).collect();
    line("opsets", opsets.join(", "));
    line("ir version", summary.ir_version.map_or("-".into(), |v| v.to_string()));
    line("producer", summary.producer.clone());
    for (k, (name, ty)) in summary.inputs.iter().enumerate() {
        line(if k == 0 { "inputs" } else { "" }, format!("{name}: {ty}"));
    }
    for (k, (name, ty)) in summary.outputs.iter().enumerate() {
        line(if k == 0 { "outputs" } else { "" }, format!("{name}: {ty}"));
    }
    line("nodes", grouped(summary.nodes as u64));
    line("params", grouped(summary.params));
    line("MACs", macs(summary));
    for (k, (dtype, bytes)) in summary.bytes.iter().enumerate() {
        line(if k == 0 { "bytes" } else { "" }, format!("{dtype}: {}", grouped(*bytes)));
    }
    if summary.functions > 0 {
        line("functions", summary.functions.to_string());
    }
    let mut ops: Vec<(&String, &usize)> = summary.ops.iter().collect();
    ops.sort_by_key(|(op, count)| (std::cmp::Reverse(**count), *op));
    for (k, (op, count)) in ops.into_iter().enumerate() {
        line(if k == 0 { "ops" } else { "" }, format!("{op}: {count}"));
    }
    out
}

/// Obstacles that are listed unless all are asked for.
const OBSTACLES: usize = 20;

pub(super) fn explain(registry: &Registry, arguments: &Explain, verbosity: Option<u8>) -> Result<u8, CliError> {
    let model = input::read(&arguments.input, &arguments.reading)?;
    let obstacles = obstacles_of(registry, model)?;
    match arguments.format {
        Format::Json => print(&format!("{:#}\n", serde_json::json!({ "schema_version": 1, "obstacles": obstacles })))?,
        Format::Human => print(&obstacles_to_text(&obstacles, if verbosity.unwrap_or(0) > 0 { obstacles.len() } else { OBSTACLES }))?,
    }
    Ok(0)
}

/// A model as text.
fn show(model: &Model, printing: &Printing) -> String {
    text::print_with(model, &text::TextOptions { notes: !printing.brief, ..text::TextOptions::default() })
}

pub(super) fn text(arguments: &Text) -> Result<u8, CliError> {
    print(&show(&input::read(&arguments.input, &arguments.reading)?, &arguments.printing))?;
    Ok(0)
}

pub(super) fn diff(arguments: &Diff) -> Result<u8, CliError> {
    let both = input::read_both(&arguments.before, &arguments.after, &arguments.reading)?;
    let [before, after] = both.map(|model| show(&model, &arguments.printing));
    print(&diff::lines(&before, &after, 3))?;
    Ok(u8::from(before != after))
}

pub(super) fn passes(registry: &Registry, arguments: &Passes) -> Result<u8, CliError> {
    let rows = registry.steps().iter().map(|step| {
        let level = match step.level {
            Level::One => "-O1",
            Level::Two => "-O2",
            Level::OnRequest => "--pass",
        };
        let fidelity = match step.pass.fidelity() {
            Fidelity::Exact => "exact",
            Fidelity::Reassociates => "reassociates",
            Fidelity::Approximate => "approximate",
        };
        (step.pass.name(), level, fidelity, step.pass.summary())
    });
    match arguments.format {
        Format::Human => {
            let lines: Vec<String> =
                rows.map(|(name, level, fidelity, summary)| format!("{name:<20} {level:<6} {fidelity:<12} {summary}\n")).collect();
            print(&lines.concat())?;
        }
        Format::Json => {
            let rows: Vec<_> = rows
                .map(|(name, level, fidelity, summary)| serde_json::json!({ "pass": name, "level": level, "fidelity": fidelity, "summary": summary }))
                .collect();
            print(&format!("{:#}\n", serde_json::json!({ "schema_version": 1, "passes": rows })))?;
        }
    }
    Ok(0)
}
