//! The report for people.

use super::{Obstacle, PruneReport};
use crate::report::{grouped, macs};
use shrinx_passes::prune::Price;
use std::fmt::Write;

impl PruneReport {
    /// What was done, in a few lines; with verbosity, the decision about each group.
    pub fn to_text(&self, verbosity: u8) -> String {
        let (mut out, plan) = (String::new(), &self.plan);
        for pattern in &self.unmatched {
            let _ = writeln!(out, "warning: `{pattern}` matches nothing that can be cut");
        }
        for failure in &self.failures {
            let _ = writeln!(out, "warning: pass `{}` was undone: {}", failure.pass, failure.problem);
        }
        if self.without_gamma > 0 {
            let _ = writeln!(out, "warning: {} groups have no BatchNormalization: they are judged by l2", self.without_gamma);
        }
        if verbosity > 0 {
            for group in &plan.groups {
                let _ = writeln!(out, "{:>5} of {:>5}  {} ({}, loss {:.4})", group.kept, group.units, group.name, group.reason, group.loss);
            }
        }
        let (cut, all) = (plan.groups.iter().filter(|g| g.kept < g.units).count(), plan.groups.len());
        let _ = writeln!(out, "{cut} of {all} groups cut, {}, judged by {}", plan.goal, plan.importance);
        let Price { params, macs: products, bytes, latency_us } = plan.predicted;
        let _ = writeln!(
            out,
            "params  {} -> {}{}",
            grouped(self.before.params),
            grouped(params),
            share(params as f64, self.before.params as f64)
        );
        let before = self.before.macs_sample.unwrap_or_default();
        let _ = writeln!(out, "MACs    {} -> {}{}", macs(&self.before), grouped(products), share(products as f64, before as f64));
        let _ =
            writeln!(out, "bytes   {} -> {}{}", grouped(plan.before.bytes), grouped(bytes), share(bytes as f64, plan.before.bytes as f64));
        if let Some((before, after)) = self.file_bytes {
            let _ = writeln!(out, "file    {} -> {}{}", grouped(before), grouped(after), share(after as f64, before as f64));
        }
        if plan.before.latency_us > 0.0 {
            let _ = writeln!(out, "time    predicted{}, by the table of kernel costs", share(latency_us, plan.before.latency_us));
        }
        let reached = |part: u64, whole: u64| 100.0 * (1.0 - part as f64 / whole.max(1) as f64);
        let (params, products) = (reached(plan.reach.params, plan.before.params), reached(plan.reach.macs, plan.before.macs));
        let _ = writeln!(
            out,
            "reach   half of every group is {params:.1} % of the params, {products:.1} % of the MACs (`shrinx explain --prune` tells of the rest)"
        );
        let _ = writeln!(out, "proof   against the original with zeros for what went: {}", self.proof.message);
        out
    }
}

fn share(after: f64, before: f64) -> String {
    if before > 0.0 { format!(" ({:.1} %)", 100.0 * after / before) } else { String::new() }
}

/// Axes that are named of each obstacle.
const AXES: usize = 3;

/// Obstacles as a table, at most `most` of them.
pub fn obstacles_to_text(obstacles: &[Obstacle], most: usize) -> String {
    let mut out = format!("{:>12} {:>14}  {}\n", "params", "MACs", "of the layers that stay whole along an axis");
    for obstacle in obstacles.iter().take(most) {
        let by = match (&obstacle.node, &obstacle.op) {
            (Some(node), Some(op)) => format!("{node} ({op}): "),
            _ => String::new(),
        };
        let axes: Vec<String> = obstacle.axes.iter().take(AXES).map(|(value, axis)| format!("{value}[{axis}]")).collect();
        let more = obstacle.axes.len().saturating_sub(AXES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (params, macs) = (grouped(obstacle.params), grouped(obstacle.macs));
        let _ = writeln!(out, "{params:>12} {macs:>14}  {by}{}; keeps {}{more} whole", obstacle.reason, axes.join(", "));
    }
    if obstacles.len() > most {
        let _ = writeln!(out, "and {} more: -v lists all", obstacles.len() - most);
    }
    out
}
