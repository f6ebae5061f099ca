//! What a group may shrink to: whole steps of width, never below a least width, and what was asked for single layers.

use super::groups::{Group, Groups, Slice};
use shrinx_rewrite::{
    ir::{Model, ValueId},
    ops::label,
};
use std::collections::{BTreeMap, BTreeSet};

/// Rules for all groups.
pub struct Rules<'a> {
    /// Widths are multiples of this: runtimes compute channels in blocks, and the rest of a block costs as much as a whole one.
    pub round_to: usize,
    /// No width goes below this; what is narrower stays whole.
    pub min_channels: usize,
    /// Layers, by name and operator, that keep their weights as they are.
    pub excluded: &'a dyn Fn(&str, &str) -> bool,
    /// The least share of the channels that a layer, by name and operator, keeps.
    pub limit: &'a dyn Fn(&str, &str) -> f64,
}

/// What one group may shrink to.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    /// Units it has.
    pub units: usize,
    /// Units kept are a multiple of this, or all.
    pub step: usize,
    /// The fewest that may be kept, such a multiple, or all.
    pub least: usize,
    /// The layers whose weights it cuts: name and operator.
    pub layers: Vec<(String, String)>,
    /// Why it stays whole.
    pub whole: Option<&'static str>,
}

impl Room {
    /// What a group may shrink to by the rules.
    pub fn of(model: &Model, group: &Group, rules: &Rules<'_>) -> Self {
        let (units, layers) = (group.units.len(), layers(model, group));
        let width = unit_width(model, group).max(1);
        let blocks = group.blocks.iter().collect::<BTreeSet<_>>().len().max(1);
        let step = least_multiple(rules.round_to.max(1) / common(rules.round_to.max(1), width), blocks);
        let limit = layers.iter().map(|(name, op)| (rules.limit)(name, op)).fold(0.0, f64::max);
        let wanted = rules.min_channels.div_ceil(width).max((units as f64 * limit - 1e-9).ceil() as usize).max(1);
        let least = wanted.div_ceil(step) * step;
        let whole = if layers.iter().any(|(name, op)| (rules.excluded)(name, op)) {
            Some("excluded")
        } else if limit >= 1.0 {
            Some("limited")
        } else if least >= units {
            Some("narrower than the least width")
        } else {
            None
        };
        Self { units, step, least: if whole.is_some() { units } else { least }, layers, whole }
    }

    /// Of all groups.
    pub fn of_all(model: &Model, groups: &Groups, rules: &Rules<'_>) -> Vec<Self> {
        groups.groups.iter().map(|g| Self::of(model, g, rules)).collect()
    }

    /// The number of units nearest to a share of them that may be kept; of two, the larger.
    pub fn nearest(&self, share: f64) -> usize {
        if self.whole.is_some() {
            return self.units;
        }
        let wanted = self.units as f64 * share;
        let below = (((wanted + 1e-9) / self.step as f64).floor() as usize * self.step).clamp(self.least, self.units);
        let above = if below as f64 + 1e-9 < wanted { (below + self.step).min(self.units) } else { below };
        if wanted - below as f64 + 1e-9 < above as f64 - wanted { below } else { above }
    }

    /// Numbers of units that may be kept, all first, then ever fewer.
    pub fn all(&self) -> Vec<usize> {
        let lower = (self.least..self.units).filter(|k| k.is_multiple_of(self.step)).rev();
        std::iter::once(self.units).chain(lower).collect()
    }

    /// About so many of [`Room::all`], evenly spread, the first and the last among them.
    pub fn levels(&self, count: usize) -> Vec<usize> {
        let all = self.all();
        let count = count.clamp(2, all.len().max(2));
        let mut levels: Vec<usize> = (0..count).map(|k| all[k * (all.len() - 1) / (count - 1)]).collect();
        levels.dedup();
        levels
    }
}

/// The greatest number of channels that a unit is everywhere a multiple of: a head of 64 is wide by itself.
fn unit_width(model: &Model, group: &Group) -> usize {
    let mut widths: BTreeMap<(ValueId, usize), usize> = BTreeMap::new();
    for Slice { value, axis, .. } in group.units.first().iter().flat_map(|u| &u.slices) {
        if is_weight(model, *value) {
            *widths.entry((*value, *axis)).or_default() += 1;
        }
    }
    widths.into_values().fold(0, common)
}

fn is_weight(model: &Model, value: ValueId) -> bool {
    model.value(value).initializer.is_some() || model.producer(value).is_some_and(|(node, _)| model.node(node).is("Constant"))
}

/// The nodes that read weights of a group, in the order of the values.
fn layers(model: &Model, group: &Group) -> Vec<(String, String)> {
    let mut layers = Vec::new();
    let slices = group.units.first().iter().flat_map(|u| &u.slices).map(|s| s.value).collect::<BTreeSet<_>>();
    for value in slices.into_iter().filter(|v| is_weight(model, *v)) {
        let mut readers: Vec<_> = model.uses(value).map(|(node, _)| node).collect();
        readers.sort_unstable();
        for node in readers {
            let layer = (label(model, node), model.node(node).op.op.clone());
            if !layers.contains(&layer) {
                layers.push(layer);
            }
        }
    }
    layers
}

/// The greatest common divisor.
fn common(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common(b, a % b) }
}

fn least_multiple(a: usize, b: usize) -> usize {
    a / common(a, b) * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(units: usize, step: usize, least: usize) -> Room {
        Room { units, step, least, layers: Vec::new(), whole: None }
    }

    #[test]
    fn shares_are_rounded_to_steps() {
        assert_eq!([0.5, 0.7, 0.1, 1.0].map(|s| room(24, 8, 8).nearest(s)), [16, 16, 8, 24]);
        assert_eq!(room(25, 1, 1).nearest(0.5), 13);
        assert_eq!(room(20, 8, 8).nearest(0.95), 20, "all of them is no step");
    }

    #[test]
    fn levels_are_steps_and_all() {
        assert_eq!(room(20, 8, 8).all(), [20, 16, 8]);
        assert_eq!(room(512, 8, 8).levels(12).len(), 12);
        assert_eq!(room(512, 8, 8).levels(12)[11], 8);
        assert_eq!(Room { whole: Some("excluded"), ..room(20, 8, 20) }.levels(12), [20]);
    }
}
