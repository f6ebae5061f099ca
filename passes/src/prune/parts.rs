//! Units by number, and the groups that they fall into: by the axes of weights that they cut, and by how many slices.

use super::{
    groups::{Group, Slice, Unit},
    weights::Weights,
};
use rustc_hash::FxHashMap;
use shrinx_rewrite::{
    ir::{Model, NodeId},
    ops::{Atoms, label},
};
use std::collections::BTreeSet;

/// Units by number, and the groups that they fall into.
pub(super) struct Parts {
    /// By root atom: the number of its unit, or [`NONE`].
    pub(super) unit_of: Vec<u32>,
    /// By unit: its group.
    pub(super) group_of: Vec<u32>,
    /// By group: the node that names it, and the axis that its first weight is cut along.
    first: Vec<(NodeId, usize)>,
}

pub(super) const NONE: u32 = u32::MAX;

impl Parts {
    pub(super) fn of(atoms: &mut Atoms, weights: &Weights) -> Self {
        let mut unit_of = vec![NONE; atoms.len()];
        let mut signatures: Vec<Vec<(u32, u32)>> = Vec::new();
        let mut first = Vec::new();
        let mut key = 0;
        for (value, node) in &weights.0 {
            for (axis, span) in atoms.axes(*value).unwrap_or_default().to_vec().into_iter().enumerate() {
                key += 1;
                for atom in span.atoms() {
                    let root = atoms.root(atom);
                    if atoms.locked(root).is_some() {
                        continue;
                    }
                    if unit_of[root as usize] == NONE {
                        unit_of[root as usize] = signatures.len() as u32;
                        signatures.push(Vec::new());
                        first.push((*node, axis));
                    }
                    let signature = &mut signatures[unit_of[root as usize] as usize];
                    match signature.last_mut() {
                        Some((last, count)) if *last == key => *count += 1,
                        _ => signature.push((key, 1)),
                    }
                }
            }
        }
        let mut groups: FxHashMap<&[(u32, u32)], u32> = FxHashMap::default();
        let mut names = Vec::new();
        let mut group_of = Vec::with_capacity(signatures.len());
        for (signature, first) in signatures.iter().zip(first) {
            group_of.push(*groups.entry(signature).or_insert_with(|| {
                names.push(first);
                names.len() as u32 - 1
            }));
        }
        Self { unit_of, group_of, first: names }
    }

    /// How many units a group has.
    pub(super) fn members(&self, group: u32) -> usize {
        self.group_of.iter().filter(|g| **g == group).count()
    }

    /// The groups of more than one unit, every unit with all of its slices.
    pub(super) fn groups(&self, model: &Model, atoms: &mut Atoms, labels: &[u32]) -> Vec<Group> {
        let mut units = vec![Unit { slices: Vec::new() }; self.group_of.len()];
        for value in model.values() {
            for (axis, span) in atoms.axes(value).unwrap_or_default().to_vec().into_iter().enumerate() {
                for (index, atom) in span.atoms().enumerate() {
                    if let Some(unit) = units.get_mut(self.unit_of[atoms.root(atom) as usize] as usize) {
                        unit.slices.push(Slice { value, axis, index });
                    }
                }
            }
        }
        let mut groups: Vec<Group> = vec![Group { name: String::new(), units: Vec::new(), blocks: Vec::new() }; self.first.len()];
        for ((unit, group), block) in units.into_iter().zip(&self.group_of).zip(labels) {
            groups[*group as usize].units.push(unit);
            groups[*group as usize].blocks.push(*block as usize);
        }
        let mut names = BTreeSet::new();
        let mut named = |(mut group, (node, axis)): (Group, &(NodeId, usize))| {
            let stem = label(model, *node);
            let tries = (0..).map(|k| match k {
                0 => stem.clone(),
                1 => format!("{stem}.{axis}"),
                k => format!("{stem}.{axis}.{k}"),
            });
            group.name = tries.into_iter().find(|name| names.insert(name.clone())).unwrap_or_default();
            group
        };
        groups.into_iter().zip(&self.first).filter(|(group, _)| group.units.len() > 1).map(&mut named).collect()
    }
}
