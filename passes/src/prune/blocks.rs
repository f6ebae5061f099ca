//! Axes that must lose the same number of slices in each of their blocks: the outputs of grouped convolutions.
//!
//! Where every unit lies in one block, units are counted by block. Where units lie in all blocks evenly, there is nothing to count. Everywhere else, the same
//! places of all blocks are tied.

use super::parts::{NONE, Parts};
use shrinx_rewrite::ops::{Atoms, channels::Blocks};

/// The block of each unit, and the axes that cannot be cut evenly that way.
pub(super) fn label(atoms: &mut Atoms, parts: &Parts) -> (Vec<u32>, Vec<Blocks>) {
    let mut labels = vec![0; parts.group_of.len()];
    let mut labelled = vec![false; parts.group_of.len()];
    let mut uneven = Vec::new();
    for blocks in atoms.blocks().to_vec() {
        match Found::of(atoms, parts, blocks) {
            Found::Even => {}
            Found::Apart(found) if found.iter().all(|(unit, block)| !labelled[*unit] || labels[*unit] == *block) => {
                for (unit, block) in found {
                    (labels[unit], labelled[unit]) = (block, true);
                }
            }
            Found::Apart(_) | Found::Uneven => uneven.push(blocks),
        }
    }
    (labels, uneven)
}

/// Ties the same places of all blocks.
pub(super) fn tie_places(atoms: &mut Atoms, axes: &[Blocks]) {
    for Blocks { span, count } in axes {
        let length = span.len / count;
        for place in length..span.len {
            atoms.tie(span.first + place, span.first + place % length);
        }
    }
}

/// How units lie along an axis in blocks.
enum Found {
    /// Each in all blocks alike.
    Even,
    /// Each in one block, all blocks having the same number of units of one group.
    Apart(Vec<(usize, u32)>),
    Uneven,
}

impl Found {
    fn of(atoms: &mut Atoms, parts: &Parts, Blocks { span, count }: Blocks) -> Self {
        let length = span.len / count;
        let mut places: Vec<(u32, u32)> =
            span.atoms().map(|a| (parts.unit_of[atoms.root(a) as usize], (a - span.first) / length)).collect();
        places.retain(|(unit, _)| *unit != NONE);
        places.sort_unstable();
        let runs: Vec<&[(u32, u32)]> = places.chunk_by(|a, b| a == b).collect();
        let units: Vec<&[&[(u32, u32)]]> = runs.chunk_by(|a, b| a[0].0 == b[0].0).collect();
        if units.iter().all(|unit| unit.len() == count as usize && unit.iter().all(|run| run.len() == unit[0].len())) {
            return Self::Even;
        }
        let mut members = vec![0; count as usize];
        for unit in &units {
            let [run] = unit else { return Self::Uneven };
            let same = parts.group_of[run[0].0 as usize] == parts.group_of[units[0][0][0].0 as usize] && run.len() == units[0][0].len();
            if !same {
                return Self::Uneven;
            }
            members[run[0].1 as usize] += 1;
        }
        if members.iter().any(|n| *n != members[0]) || units.len() != parts.members(parts.group_of[units[0][0][0].0 as usize]) {
            return Self::Uneven;
        }
        Self::Apart(units.iter().map(|unit| (unit[0][0].0 as usize, unit[0][0].1)).collect())
    }
}
