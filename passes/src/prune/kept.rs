//! What a removal leaves of each axis.

use super::Groups;
use shrinx_rewrite::{
    ir::ValueId,
    ops::{Fact, shrink},
};
use std::collections::BTreeMap;

/// Units to be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// For each group, the sorted indices of its units that go.
    pub groups: Vec<Vec<usize>>,
}

/// What is kept of the axes that lose something; all others are kept whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    lost: BTreeMap<(ValueId, usize), Vec<usize>>,
}

impl Kept {
    /// What is kept when these units go. Units that are not there are passed over.
    pub fn of(groups: &Groups, removal: &Removal) -> Self {
        let removed = groups.groups.iter().zip(&removal.groups).flat_map(|(group, units)| units.iter().filter_map(|u| group.units.get(*u)));
        removed.flat_map(|unit| &unit.slices).map(|s| (s.value, s.axis, s.index)).collect()
    }

    /// Whether nothing goes.
    pub fn is_whole(&self) -> bool {
        self.lost.is_empty()
    }

    /// The sorted indices that an axis loses.
    pub fn lost(&self, value: ValueId, axis: usize) -> &[usize] {
        self.lost.get(&(value, axis)).map_or(&[], Vec::as_slice)
    }

    /// The indices that an axis of this length keeps.
    pub fn indices(&self, value: ValueId, axis: usize, length: usize) -> Vec<usize> {
        shrink::kept(length, self.lost(value, axis))
    }

    /// Every axis that loses something, in the order of values and axes, and the sorted indices that it loses.
    pub fn losses(&self) -> impl Iterator<Item = (ValueId, usize, &[usize])> {
        self.lost.iter().map(|((value, axis), lost)| (*value, *axis, lost.as_slice()))
    }

    /// What the cut makes of a fact; contents are not followed.
    pub(super) fn of_fact(&self, value: ValueId, fact: &Fact) -> Fact {
        let shorter = |(axis, dim): (usize, &shrinx_rewrite::ir::Dim)| {
            let lost = self.lost(value, axis).len() as i64;
            dim.sub(&lost.into()).unwrap_or_else(|| dim.clone())
        };
        Fact::new(fact.dtype, fact.shape.as_ref().map(|shape| shape.iter().enumerate().map(shorter).collect()))
    }
}

impl FromIterator<(ValueId, usize, usize)> for Kept {
    /// From values, axes and the indices that they lose, in any order.
    fn from_iter<I: IntoIterator<Item = (ValueId, usize, usize)>>(slices: I) -> Self {
        let mut lost: BTreeMap<(ValueId, usize), Vec<usize>> = BTreeMap::new();
        for (value, axis, index) in slices {
            lost.entry((value, axis)).or_default().push(index);
        }
        for indices in lost.values_mut() {
            indices.sort_unstable();
            indices.dedup();
        }
        Self { lost }
    }
}
