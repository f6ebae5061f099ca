//! Measures what kernels take, for a table of costs ([`CostTable`]).
//!
//! Each kernel runs in a model of its own ([`micro`]), beside models that do all but that: feed, transpose. What is left after subtraction, by shape, is what
//! rates are fitted to (`fit`). Models of one shape are timed in turns, and the fastest run counts: what others do on the machine only ever adds.
//!
//! Reordering of float maps between channels first and blocks cannot be had alone: it is one more rate of pointwise convolutions, which reorder much for the
//! little they compute. What lost: chains of convolutions of next to no cost, whose first is dearer than those behind it (twice the rate, beyond caches).

mod fit;
pub mod micro;

use fit::{Observation, fit};
use micro::{CONVOLUTIONS, MAPS, Micro, PRODUCTS};
use shrinx_rewrite::ops::costs::{CostTable, Curve, KernelClass, Pair, Precision, Work};

/// Times models in turns: nanoseconds of a run, for each.
pub type Time<'a, E> = dyn FnMut(&[Micro]) -> Result<Vec<f64>, E> + 'a;

/// Of what the table tells.
#[derive(Clone, Debug)]
pub struct Target {
    /// As [`CostTable::target`].
    pub name: String,
    /// As [`CostTable::machine`].
    pub machine: String,
    /// As [`CostTable::runtime`].
    pub runtime: String,
}

/// A table, and how well it fits.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The table.
    pub table: CostTable,
    /// The median relative error of the rates of a class, each shape held out once.
    pub errors: Vec<(KernelClass, Precision, f64)>,
}

/// Rounds that a table measures: what `progress` counts up to.
pub fn rounds() -> usize {
    MAPS.len() + CONVOLUTIONS.len() + PRODUCTS.len()
}

/// Measures a table. `progress` is told of each round that begins.
pub fn measure<E>(target: Target, time: &mut Time<'_, E>, progress: &dyn Fn(usize)) -> Result<Measured, E> {
    let mut passes = Passes::default();
    for (k, map) in MAPS.iter().enumerate() {
        progress(k);
        passes.add(*map, &time(&micro::passes(*map))?);
    }
    let mut kernels = Kernels::default();
    for (k, shape) in CONVOLUTIONS.iter().enumerate() {
        progress(MAPS.len() + k);
        kernels.convolution(shape.work(), &time(&micro::convolution(shape))?, &passes);
    }
    for (k, &(rows, reduction, columns)) in PRODUCTS.iter().enumerate() {
        progress(MAPS.len() + CONVOLUTIONS.len() + k);
        let [float, bytes, matmul, matmul8, gemm, gemm8] = array(&time(&micro::product(rows, reduction, columns))?);
        let work = |class| Work::product(class, rows, reduction, columns);
        kernels.product(work(KernelClass::MatMul), [matmul - float, matmul8 - bytes]);
        kernels.product(work(KernelClass::Gemm), [gemm - float, gemm8 - bytes]);
    }
    let reorder = kernels.reorder();
    let mut errors = Vec::new();
    let mut pair = |class| {
        let mut of = |precision| {
            let fitted = fit(&kernels.of(class, precision, &reorder));
            errors.push((class, precision, fitted.error));
            fitted.rates
        };
        Pair { float32: of(Precision::Float32), int8: of(Precision::Int8) }
    };
    let table = CostTable {
        target: target.name,
        machine: target.machine,
        runtime: target.runtime,
        block: BLOCK,
        conv_pointwise: pair(KernelClass::ConvPointwise),
        conv_spatial: pair(KernelClass::ConvSpatial),
        conv_shallow: pair(KernelClass::ConvShallow),
        conv_depthwise: pair(KernelClass::ConvDepthwise),
        conv_grouped: pair(KernelClass::ConvGrouped),
        matmul: pair(KernelClass::MatMul),
        gemm: pair(KernelClass::Gemm),
        elementwise: passes.elementwise,
        activation: passes.activation,
        quantize: passes.quantize,
        dequantize: passes.dequantize,
        transpose: passes.transpose,
        reorder,
    };
    Ok(Measured { table, errors })
}

/// Channels in a block: what vectors of 512 bits hold of float32.
const BLOCK: u64 = 16;

fn array<const N: usize>(times: &[f64]) -> [f64; N] {
    std::array::from_fn(|k| times.get(k).copied().unwrap_or(f64::NAN))
}

struct Passes {
    elementwise: Pair<Curve>,
    activation: Pair<Curve>,
    quantize: Curve,
    dequantize: Curve,
    transpose: Curve,
}

impl Default for Passes {
    fn default() -> Self {
        let pair = || Pair { float32: Curve::default(), int8: Curve::default() };
        let curve = Curve::default;
        Self { elementwise: pair(), activation: pair(), quantize: curve(), dequantize: curve(), transpose: curve() }
    }
}

impl Passes {
    fn add(&mut self, [channels, height, width]: [u64; 3], times: &[f64]) {
        let elements = channels * height * width;
        let [float, bytes, add, add8, smooth, smooth8, quantize, dequantize, last, first] = array(times);
        let point = |curve: &mut Curve, nanoseconds: f64| {
            curve.elements.push(elements);
            curve.nanoseconds.push(nanoseconds.max(1.0).round());
        };
        point(&mut self.elementwise.float32, add - float);
        point(&mut self.elementwise.int8, add8 - bytes);
        point(&mut self.activation.float32, smooth - float);
        point(&mut self.activation.int8, smooth8 - bytes);
        point(&mut self.quantize, quantize - float);
        point(&mut self.dequantize, dequantize - bytes);
        point(&mut self.transpose, f64::midpoint(last, first) - bytes);
    }
}

#[derive(Default)]
struct Kernels {
    observations: Vec<Observed>,
}

/// What models of a work took, float and int8.
struct Observed {
    work: Work,
    seen: [f64; 2],
    /// Elements that the float kernel's model reordered.
    reordered: f64,
    /// Nanoseconds that the int8 kernel's model transposed.
    transposing: f64,
}

impl Kernels {
    fn convolution(&mut self, work: Work, times: &[f64], passes: &Passes) {
        let [float, bytes, conv, conv8] = array(times);
        let blocks_in = if work.class == KernelClass::ConvShallow { 0 } else { work.input };
        let transposing = passes.transpose.at(work.input) + passes.transpose.at(work.output);
        let reordered = (blocks_in + work.output) as f64;
        self.observations.push(Observed { work, seen: [conv - float, conv8 - bytes], reordered, transposing });
    }

    fn product(&mut self, work: Work, seen: [f64; 2]) {
        self.observations.push(Observed { work, seen, reordered: 0.0, transposing: 0.0 });
    }

    fn of_class(&self, class: KernelClass) -> impl Iterator<Item = &Observed> {
        self.observations.iter().filter(move |o| o.work.class == class)
    }

    /// What it takes to reorder elements.
    fn reorder(&self) -> Curve {
        let observation = |o: &Observed| Observation::new(&o.work, BLOCK, o.seen[0], 0.0).beside(o.reordered);
        let rate = fit(&self.of_class(KernelClass::ConvPointwise).map(observation).collect::<Vec<_>>()).beside;
        let elements = vec![1000, 1_000_000];
        Curve { nanoseconds: elements.iter().map(|e| rate * *e as f64).collect(), elements }
    }

    fn of(&self, class: KernelClass, precision: Precision, reorder: &Curve) -> Vec<Observation> {
        let observation = |o: &Observed| match precision {
            Precision::Float32 => Observation::new(&o.work, BLOCK, o.seen[0], reorder.at(o.reordered as u64)),
            Precision::Int8 => Observation::new(&o.work, BLOCK, o.seen[1], o.transposing),
        };
        self.of_class(class).map(observation).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{
        ir::NodeId,
        ops::{Facts, OpTable},
    };
    use std::convert::Infallible;

    /// What a machine would take whose kernels cost what the table says.
    fn simulated(table: &CostTable, micro: &Micro) -> f64 {
        let model = &micro.model;
        let facts = Facts::infer(model, &OpTable::standard());
        let is = |node: NodeId, ops: &[&str]| ops.iter().any(|op| model.node(node).is(op));
        let work = |node| Work::of(model, &facts, node, &|_| 1).unwrap();
        let quantized = |node| model.producer(model.input(node, 0).unwrap()).is_some_and(|(maker, _)| is(maker, &["DequantizeLinear"]));
        let precision = |node| if quantized(node) { Precision::Int8 } else { Precision::Float32 };
        let cost = |node: NodeId| match () {
            () if is(node, &["MatMul", "Gemm"]) => table.nanoseconds(&work(node), precision(node)),
            () if is(node, &["Conv"]) => {
                let (work, precision) = (work(node), precision(node));
                let curve = if precision == Precision::Int8 { &table.transpose } else { &table.reorder };
                let free = work.class == KernelClass::ConvShallow && precision == Precision::Float32;
                table.nanoseconds(&work, precision) + if free { 0.0 } else { curve.at(work.input) } + curve.at(work.output)
            }
            () if is(node, &["Mul", "HardSwish", "Sigmoid"]) => table.nanoseconds(&work(node), precision(node)),
            () if is(node, &["Transpose"]) => {
                let elements = facts.of(model.outputs(node)[0].unwrap()).known_shape().unwrap().iter().product::<i64>();
                table.transpose.at(elements as u64)
            }
            () => 0.0,
        };
        let alone = |node: &NodeId| {
            model.nodes().filter(|n| !model.node(*n).is("Constant")).count() == 4 && is(*node, &["QuantizeLinear", "DequantizeLinear"])
        };
        let scaled = model.nodes().filter(alone).map(|node| table.nanoseconds(&work(node), Precision::Int8));
        5000.0 + model.nodes().map(cost).chain(scaled).sum::<f64>()
    }

    #[test]
    fn a_machine_is_found_out() {
        let table = CostTable::shipped();
        let target = Target { name: "t".into(), machine: "m".into(), runtime: "r".into() };
        let mut time = |micros: &[Micro]| Ok::<_, Infallible>(micros.iter().map(|micro| simulated(&table, micro)).collect());
        let Ok(Measured { table: found, errors }) = measure(target, &mut time, &|_| {});
        assert!(errors.iter().all(|(_, _, error)| *error < 0.05), "{errors:?}");
        for work in CONVOLUTIONS.iter().map(micro::Convolution::work).chain([Work::product(KernelClass::MatMul, 100, 200, 300)]) {
            for precision in [Precision::Float32, Precision::Int8] {
                let (a, b) = (table.nanoseconds(&work, precision), found.nanoseconds(&work, precision));
                assert!((a / b - 1.0).abs() < 0.1 || (a - b).abs() < 500.0, "{work:?} {precision:?}: {a} {b}");
            }
        }
        assert_eq!((&found.quantize, &found.dequantize, &found.transpose), (&table.quantize, &table.dequantize, &table.transpose));
        assert_eq!((&found.elementwise, &found.activation), (&table.elementwise, &table.activation));
        assert!((found.reorder.at(100_000) / table.reorder.at(100_000) - 1.0).abs() < 0.05);
        assert_eq!(CostTable::parse(&found.print()).unwrap(), found);
    }
}
