//! The operator table: rows by domain, operator and version.

use crate::{
    Effects, OpSpec, families,
    upgrade::{self, History},
};
use rustc_hash::FxHashMap;
use shrinx_ir::{Model, NodeId};

/// Rows by domain, operator and version. A value, not a static: users add rows of their own.
#[derive(Clone, Debug)]
pub struct OpTable {
    rows: FxHashMap<&'static str, Vec<OpSpec>>,
}

impl OpTable {
    /// A table without rows: every operator is unknown.
    pub fn empty() -> Self {
        Self { rows: FxHashMap::default() }
    }

    /// The operators of the standard domain that shrinx knows.
    pub fn standard() -> Self {
        let table = families::rows().fold(Self::empty(), Self::with);
        upgrade::HISTORY.iter().fold(table, |table, (op, first, changes)| table.with_history(op, History { first: *first, changes }))
    }

    /// The table with a history for an operator of the standard domain, in whose rows it is then found.
    #[must_use]
    fn with_history(mut self, op: &'static str, history: History) -> Self {
        let rows = self.rows.entry(op).or_default();
        if !rows.iter().any(|row| row.domain.is_empty()) {
            rows.push(OpSpec { op, ..OpSpec::UNKNOWN });
        }
        rows.iter_mut().filter(|row| row.domain.is_empty()).for_each(|row| row.upgrade = Some(history));
        self
    }

    /// The table with one more row, which replaces an equal one.
    #[must_use]
    pub fn with(mut self, row: OpSpec) -> Self {
        let rows = self.rows.entry(row.op).or_default();
        rows.retain(|r| (r.domain, r.since) != (row.domain, row.since));
        rows.push(row);
        rows.sort_by_key(|r| r.since);
        self
    }

    /// The row for an operator at an opset version; [`OpSpec::UNKNOWN`] where there is none.
    pub fn get(&self, domain: &str, op: &str, version: i64) -> &OpSpec {
        let rows = self.rows.get(op).map_or(&[][..], Vec::as_slice);
        rows.iter().rev().find(|r| r.domain == domain && r.since <= version).unwrap_or(&OpSpec::UNKNOWN)
    }

    /// The row for a node of a model. A call of a local function is unknown, even where it has the name of a standard operator.
    pub fn of(&self, model: &Model, node: NodeId) -> &OpSpec {
        let node = model.node(node);
        match model.opset(node.scope(), node.op.domain()) {
            Some(version) if !is_local_function(model, node) => self.get(node.op.domain(), &node.op.op, version),
            _ => &OpSpec::UNKNOWN,
        }
    }

    /// What a node does besides computing its outputs: by its row, and by the nodes of its bodies.
    pub fn effects(&self, model: &Model, node: NodeId) -> Effects {
        let row = self.of(model, node);
        let own = if row.spared.is_some_and(|spared| spared(model, node)) { Effects::None } else { row.effects };
        let inner = model.node(node).bodies().flat_map(|body| model.nodes_in(body)).map(|n| self.effects(model, n));
        inner.fold(own, Effects::max)
    }

    /// Every row, by domain, operator and version.
    pub fn rows(&self) -> Vec<&OpSpec> {
        let mut rows: Vec<&OpSpec> = self.rows.values().flatten().collect();
        rows.sort_by_key(|r| (r.domain, r.op, r.since));
        rows
    }
}

/// Whether a node calls a local function of the model.
pub fn is_local_function(model: &Model, node: &shrinx_ir::Node) -> bool {
    model
        .functions()
        .any(|(_, f)| f.name.as_deref() == Some(&node.op.op) && shrinx_ir::node::normal_domain(f.domain.as_deref()) == node.op.domain())
}
