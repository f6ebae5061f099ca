//! What is removed, and why, as plain data: it can be saved, read by people, and carried out again, also on a sibling of the model.

use super::{
    allocate::{Curve, allocate},
    cost::Costs,
    groups::Groups,
    importance::Ranking,
    kept::Removal,
    price::{Measure, Price},
    rules::Room,
};
use serde::{Deserialize, Serialize};
use shrinx_rewrite::ir::{Coded, ErrorKind};
use std::collections::BTreeMap;

/// How much is to be kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// This share of the units of each group.
    Keep(f64),
    /// So much of a measure that the model costs no more than this share of `base`, wherever that loses least.
    Target {
        /// What the budget is about.
        measure: Measure,
        /// The share.
        share: f64,
        /// What the share is of.
        base: f64,
    },
}

/// The decisions, and what led to them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this structure.
    pub schema_version: u32,
    /// What was asked for, in words.
    pub goal: String,
    /// By what units were judged.
    pub importance: String,
    /// What the model costs before.
    pub before: Price,
    /// What it will cost.
    pub predicted: Price,
    /// What it would cost if every group kept half of its units, whatever the rules: how far pruning reaches.
    pub reach: Price,
    /// Why the goal was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
    /// One for each group.
    pub groups: Vec<GroupPlan>,
}

/// The decision about a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupPlan {
    /// Its name.
    pub name: String,
    /// Units it has: channels, heads or neurons.
    pub units: usize,
    /// Units it keeps.
    pub kept: usize,
    /// Why so many.
    pub reason: String,
    /// What their loss is taken to cost: the share of the group's importance, or what was measured.
    pub loss: f64,
    /// The layers whose weights are cut.
    pub layers: Vec<String>,
    /// The units that go, ascending.
    pub removed: Vec<usize>,
}

/// A plan that is not one of this model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A group is missing.
    #[error("the plan cuts `{name}`, which this model does not have, or not for cutting")]
    Missing {
        /// The group.
        name: String,
    },
    /// A group is another one.
    #[error("`{name}` has {found} units here, and {planned} in the plan")]
    Units {
        /// The group.
        name: String,
        /// Units in the model.
        found: usize,
        /// Units in the plan.
        planned: usize,
    },
    /// A unit cannot go.
    #[error("the plan takes from `{name}` what cannot go: {reason}")]
    Removed {
        /// The group.
        name: String,
        /// Why not.
        reason: &'static str,
    },
}

impl Coded for ReplayError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "E0811",
            Self::Units { .. } => "E0812",
            Self::Removed { .. } => "E0813",
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Missing { .. } | Self::Units { .. } | Self::Removed { .. } => ErrorKind::Usage,
        }
    }

    fn help(&self) -> Option<String> {
        Some("a plan holds for the model it was made for, and for others of the same graph".into())
    }
}

impl Plan {
    /// Decides how many units of each group go, and which: the first of its ranking. `curves` are asked for by [`Goal::Target`] alone.
    pub fn choose(groups: &Groups, costs: &Costs<'_>, rooms: &[Room], rankings: &[Ranking], curves: &[Curve], goal: Goal) -> Self {
        let (kept, missed) = match goal {
            Goal::Keep(share) => (rooms.iter().map(|room| room.nearest(share)).collect(), None),
            Goal::Target { measure, share, base } => {
                let found = allocate(costs, curves, measure, share * base);
                let least: Vec<usize> = rooms.iter().map(|room| room.least).collect();
                let reached = costs.total(measure, &least) / base;
                let missed = format!("{} cannot go below {reached:.4} of the original: {share} was asked for", measure.name());
                found.map_or((least, Some(missed)), |kept| (kept, None))
            }
        };
        let decide = |g: usize| {
            let (group, room, ranking) = (&groups.groups[g], &rooms[g], &rankings[g]);
            let loss = match goal {
                Goal::Keep(_) => ranking.loss_at(kept[g]),
                Goal::Target { .. } => curves[g].at(kept[g]),
            };
            GroupPlan {
                name: group.name.clone(),
                units: room.units,
                kept: kept[g],
                reason: reason(room, kept[g], goal).into(),
                loss,
                layers: room.layers.iter().map(|(name, _)| name.clone()).collect(),
                removed: ranking.removed(kept[g]),
            }
        };
        Self {
            schema_version: 1,
            goal: match goal {
                Goal::Keep(share) => format!("keep {share}"),
                Goal::Target { measure, share, .. } => format!("{} {share}", measure.name()),
            },
            missed,
            groups: (0..rooms.len()).map(decide).collect(),
            ..Self::default()
        }
        .priced(costs, &kept)
    }

    /// The plan with what this model costs before and after.
    #[must_use]
    fn priced(self, costs: &Costs<'_>, kept: &[usize]) -> Self {
        let halves: Vec<usize> = costs.units().iter().map(|n| n.div_ceil(2)).collect();
        Self { before: costs.full(), predicted: costs.price(kept), reach: costs.price(&halves), ..self }
    }

    /// The units that go.
    pub fn removal(&self) -> Removal {
        Removal { groups: self.groups.iter().map(|g| g.removed.clone()).collect() }
    }

    /// The plan for these groups, found by their names; groups that it does not speak of stay whole.
    pub fn replayed(&self, groups: &Groups, costs: &Costs<'_>) -> Result<Self, ReplayError> {
        for planned in &self.groups {
            if !planned.removed.is_empty() && !groups.groups.iter().any(|g| g.name == planned.name) {
                return Err(ReplayError::Missing { name: planned.name.clone() });
            }
        }
        let mut found = Vec::new();
        for group in &groups.groups {
            let (name, units) = (group.name.clone(), group.units.len());
            let Some(planned) = self.groups.iter().find(|g| g.name == name) else {
                found.push(GroupPlan { name, units, kept: units, reason: "not in the plan".into(), ..GroupPlan::default() });
                continue;
            };
            if planned.units != units {
                return Err(ReplayError::Units { name, found: units, planned: planned.units });
            }
            if let Some(reason) = objection(&planned.removed, group) {
                return Err(ReplayError::Removed { name, reason });
            }
            found.push(GroupPlan { kept: units - planned.removed.len(), ..planned.clone() });
        }
        let kept: Vec<usize> = found.iter().map(|g| g.kept).collect();
        Ok(Self { groups: found, ..self.clone() }.priced(costs, &kept))
    }
}

/// Why these units cannot be taken from a group.
fn objection(removed: &[usize], group: &super::Group) -> Option<&'static str> {
    if !removed.is_sorted_by(|a, b| a < b) || removed.last().is_some_and(|last| *last >= group.units.len()) {
        return Some("units out of order, or that are not there");
    }
    if removed.len() == group.units.len() && !removed.is_empty() {
        return Some("all of it");
    }
    let mut lost: BTreeMap<usize, usize> = group.blocks.iter().map(|block| (*block, 0)).collect();
    removed.iter().filter_map(|unit| group.blocks.get(*unit)).for_each(|block| *lost.entry(*block).or_default() += 1);
    let mut counts = lost.values();
    let first = counts.next();
    counts.any(|count| Some(count) != first).then_some("more from one block than from another")
}

fn reason(room: &Room, kept: usize, goal: Goal) -> &'static str {
    match (room.whole, goal) {
        (Some(whole), _) => whole,
        (None, Goal::Keep(_)) if kept == room.units => "the nearest width is all of it",
        (None, Goal::Keep(_)) => "the same share everywhere",
        (None, Goal::Target { .. }) if kept == room.units => "others cost less for what they save",
        (None, Goal::Target { .. }) => "costs little for what it saves",
    }
}
