//! What a choice of layers saves by the table of kernel costs: heavy kernels, what stands between them, and the crossings between float and int8.

use super::{
    layer::{Kind, Layer},
    placement::Placement,
};
use shrinx_calib::Statistics;
use shrinx_rewrite::{
    ir::{Model, ValueId},
    ops::{
        OpTable,
        costs::{CostTable, KernelClass, Precision, Work},
    },
};
use std::collections::BTreeSet;

/// Nanoseconds that a `QuantizeLinear` with a scale a channel takes for each channel of each sample, above one with a single scale (measured on ONNX Runtime
/// over maps of 16 to 200 places).
const SLICE: f64 = 19.0;
/// Up to this share of a layer's float time may go into such scales.
const MOST_SLICES: f64 = 0.05;

/// Predicts times from element counts that were seen with the samples.
pub struct Predictor<'a> {
    model: &'a Model,
    ops: &'a OpTable,
    statistics: &'a Statistics,
    table: &'a CostTable,
    batch: u64,
}

impl<'a> Predictor<'a> {
    /// From what was seen on samples, for so many of them at a time.
    pub fn new(model: &'a Model, ops: &'a OpTable, statistics: &'a Statistics, table: &'a CostTable, batch: u64) -> Self {
        Self { model, ops, statistics, table, batch }
    }

    /// Places of the output at which a layer computes for one sample.
    pub fn positions(&self, layer: &Layer) -> u64 {
        self.work(layer).positions / self.batch.max(1)
    }

    /// Whether scales of its own for each channel of the input cost next to nothing: on small maps they do not.
    pub fn affords_channels(&self, layer: &Layer) -> bool {
        SLICE * (self.batch * layer.inputs as u64) as f64 <= MOST_SLICES * self.float(&[layer])
    }

    /// Nanoseconds that layers take in float, for one run.
    pub fn float(&self, layers: &[&Layer]) -> f64 {
        layers.iter().map(|l| self.table.nanoseconds(&self.work(l), Precision::Float32)).sum()
    }

    /// Nanoseconds saved by a choice against float, for one run. Negative where it loses.
    pub fn saved(&self, placement: &Placement, chosen: &[&Layer]) -> f64 {
        let gain = |work: Work| self.table.nanoseconds(&work, Precision::Float32) - self.table.nanoseconds(&work, Precision::Int8);
        let heavy: f64 = chosen.iter().map(|l| gain(self.work(l))).sum();
        let bridges: f64 = placement.bridges.iter().map(|b| gain(Work::pass(self.bridge_class(b.node), self.elements(b.output)))).sum();
        let unfused: f64 = chosen.iter().map(|l| self.unfused(l, placement)).sum();
        heavy + bridges - unfused - self.crossings(placement, chosen)
    }

    /// Elements of a value in one run; 0 where it was not observed.
    fn elements(&self, value: ValueId) -> u64 {
        self.statistics.tensor(self.model.name(value)).map_or(0, |t| t.count / self.statistics.samples().max(1) as u64 * self.batch)
    }

    /// The kernel of a layer.
    fn work(&self, layer: &Layer) -> Work {
        let (input, output) = (self.elements(layer.input), self.elements(layer.output));
        let class = match &layer.kind {
            Kind::Conv(_) if layer.depthwise => KernelClass::ConvDepthwise,
            Kind::Conv(_) if (layer.inputs as u64) < KernelClass::SHALLOW => KernelClass::ConvShallow,
            Kind::Conv(window) if window.kernel.iter().all(|k| *k == 1) => KernelClass::ConvPointwise,
            Kind::Conv(_) => KernelClass::ConvSpatial,
            Kind::MatMul => KernelClass::MatMul,
            Kind::Gemm { .. } => KernelClass::Gemm,
        };
        let channels = layer.outputs as u64;
        Work { class, positions: output / channels.max(1), reduction: (layer.inputs * layer.kernel) as u64, channels, input, output }
    }

    fn bridge_class(&self, node: shrinx_rewrite::ir::NodeId) -> KernelClass {
        self.ops.of(self.model, node).quant.class
    }

    /// What an activation takes by itself that the float convolution applies on the way.
    fn unfused(&self, layer: &Layer, placement: &Placement) -> f64 {
        if !layer.is_conv() || layer.activation.is_some() || self.model.use_count(layer.raw) != 1 {
            return 0.0;
        }
        let Some((reader, _)) = self.model.uses(layer.raw).next() else { return 0.0 };
        let rule = self.ops.of(self.model, reader).quant;
        if !rule.into_conv {
            return 0.0;
        }
        let bridged = placement.bridges.iter().any(|b| b.node == reader);
        if bridged { 0.0 } else { self.table.nanoseconds(&Work::pass(rule.class, self.elements(layer.output)), Precision::Float32) }
    }

    /// All crossings between float and int8.
    fn crossings(&self, placement: &Placement, chosen: &[&Layer]) -> f64 {
        let made: BTreeSet<ValueId> = placement.made.intersection(&placement.inner).copied().collect();
        let bridges = placement.bridges.iter().flat_map(|b| [Some(b.node), b.activation.map(|a| a.node)]).flatten();
        let activations = chosen.iter().filter_map(|l| l.activation.map(|a| a.node));
        let int8: BTreeSet<_> = chosen.iter().map(|l| l.node).chain(bridges).chain(activations).collect();
        // What comes in as float is rounded once for each tensor.
        let mut seen = BTreeSet::new();
        let mut sum = 0.0;
        for layer in chosen.iter().filter(|l| !made.contains(&l.input)) {
            if seen.insert(layer.input) {
                sum += self.table.enter(&self.work(layer));
            }
        }
        let map =
            |value: &ValueId| Work { class: KernelClass::ConvPointwise, ..Work::pass(KernelClass::Elementwise, self.elements(*value)) };
        sum += placement.inner.iter().filter(|v| !made.contains(v) && !seen.contains(v)).map(|v| self.table.enter(&map(v))).sum::<f64>();
        // What goes out is read back wherever somebody reads it in float.
        let in_float = |v: &&ValueId| self.model.is_output(**v) || self.model.uses(**v).any(|(node, _)| !int8.contains(&node));
        sum += made.iter().filter(in_float).map(|v| self.table.leave(&map(v))).sum::<f64>();
        let own = chosen.iter().filter(|l| l.needs_pair && !placement.inner.contains(&l.output));
        sum + own.map(|l| self.table.leave(&self.work(l))).sum::<f64>()
    }
}
