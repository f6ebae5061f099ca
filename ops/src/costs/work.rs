//! What a node asks of a kernel.

use super::KernelClass;
use crate::{Call, Facts};
use shrinx_ir::{Dim, Model, NodeId, Symbol, ValueId};

/// What a node asks of a kernel, for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// The kernel.
    pub class: KernelClass,
    /// Positions of the output, batch included, or rows.
    pub positions: u64,
    /// Products that are summed up to one element of the output.
    pub reduction: u64,
    /// Channels of the output, or columns.
    pub channels: u64,
    /// Elements of the input that is no weight.
    pub input: u64,
    /// Elements of the output.
    pub output: u64,
}

impl Work {
    /// Of a pass over elements.
    pub fn pass(class: KernelClass, elements: u64) -> Self {
        Self { class, positions: elements, reduction: 1, channels: 1, input: elements, output: elements }
    }

    /// Of a product of `[positions, reduction]` with `[reduction, channels]`.
    pub fn product(class: KernelClass, positions: u64, reduction: u64, channels: u64) -> Self {
        Self { class, positions, reduction, channels, input: positions * reduction, output: positions * channels }
    }

    /// What a node asks, where its kernel is priced and its shapes are known. `lengths` gives the symbols their numbers ([`lengths_of`]).
    pub fn of(model: &Model, facts: &Facts, node: NodeId, lengths: &dyn Fn(Symbol) -> i64) -> Option<Self> {
        let input = shape(facts, model.input(node, 0)?, lengths)?;
        let output = shape(facts, *model.outputs(node).first()?.as_ref()?, lengths)?;
        let weight = || shape(facts, model.input(node, 1)?, lengths);
        let call = Call { node: model.node(node), opset: 0 };
        let op = &call.node.op;
        if !op.domain().is_empty() {
            return None;
        }
        match op.op.as_str() {
            "Conv" => convolution(call.int("group").unwrap_or(1), &input, &weight()?, &output),
            "MatMul" => {
                let ([.., reduction], [.., _, channels]) = (input.as_slice(), &weight()?[..]) else { return None };
                let (reduction, channels) = (*reduction, *channels);
                Some(Self::product(KernelClass::MatMul, elements(&input)?.checked_div(reduction)?, reduction, channels))
            }
            "Gemm" => {
                let [rows, columns] = output.as_slice() else { return None };
                Some(Self::product(KernelClass::Gemm, *rows, elements(&input)?.checked_div(*rows)?, *columns))
            }
            name => Some(Self::pass(pass_class(name)?, elements(&output)?)),
        }
    }

    /// Multiply-accumulates.
    pub fn macs(&self) -> u64 {
        self.positions.saturating_mul(self.reduction).saturating_mul(self.channels)
    }
}

fn convolution(group: i64, input: &[u64], weight: &[u64], output: &[u64]) -> Option<Work> {
    let (inputs, channels, group) = (*input.get(1)?, *output.get(1)?, u64::try_from(group).ok()?);
    let pointwise = weight.get(2..)?.iter().all(|k| *k == 1);
    let class = match group {
        1 if inputs < KernelClass::SHALLOW => KernelClass::ConvShallow,
        1 if pointwise => KernelClass::ConvPointwise,
        1 => KernelClass::ConvSpatial,
        _ if weight[1] == 1 && channels == group => KernelClass::ConvDepthwise,
        _ => KernelClass::ConvGrouped,
    };
    let (input, output, reduction) = (elements(input)?, elements(output)?, elements(&weight[1..])?);
    Some(Work { class, positions: output.checked_div(channels)?, reduction, channels, input, output })
}

fn pass_class(op: &str) -> Option<KernelClass> {
    Some(match op {
        "Add" | "Sub" | "Mul" | "Div" | "Min" | "Max" | "Relu" | "Clip" | "LeakyRelu" | "PRelu" | "HardSigmoid" | "Abs" | "Neg"
        | "Sqrt" => KernelClass::Elementwise,
        "Sigmoid" | "Tanh" | "HardSwish" | "Elu" | "Selu" | "Celu" | "Erf" | "Exp" | "Log" | "Gelu" | "Softplus" | "Mish" => {
            KernelClass::Activation
        }
        "QuantizeLinear" => KernelClass::Quantize,
        "DequantizeLinear" => KernelClass::Dequantize,
        _ => return None,
    })
}

fn elements(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1u64, |n, d| n.checked_mul(*d))
}

fn shape(facts: &Facts, value: ValueId, lengths: &dyn Fn(Symbol) -> i64) -> Option<Vec<u64>> {
    let length = |dim: &Dim| u64::try_from(facts.symbols.evaluate(dim, lengths)?).ok();
    facts.of(value).shape.as_ref()?.iter().map(length).collect()
}

/// What an unknown length, other than a batch, is taken to be where a number is wanted.
pub const SAMPLE_LENGTH: i64 = 64;

/// Numbers for symbols: 1 for those that stand first in an input, which are batches, and `other` for the rest.
pub fn lengths_of(model: &Model, facts: &Facts, other: i64) -> impl Fn(Symbol) -> i64 + use<> {
    let inputs = model.scope(Model::MAIN).inputs().iter().filter_map(|d| facts.of(d.value).shape.as_ref()?.first());
    let batches: Vec<Symbol> = inputs.flat_map(Dim::symbols).collect();
    move |symbol| if batches.contains(&symbol) { 1 } else { other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpTable;
    use shrinx_ir::text;

    fn work(graph: &str) -> Option<Work> {
        let model = text::parse(graph).unwrap();
        let facts = Facts::infer(&model, &OpTable::standard());
        let node = model.nodes().next().unwrap();
        Work::of(&model, &facts, node, &lengths_of(&model, &facts, 10))
    }

    #[test]
    fn convolutions_have_classes() {
        let conv = |channels: u64, w: &str, attributes: &str| {
            let graph = format!("g (float[N,{channels},H,8] x, float{w} w) => (y) {{ y = Conv {attributes} (x, w) }}");
            work(&graph).unwrap()
        };
        let spatial = conv(16, "[32,16,3,3]", "<pads = [1,1,1,1], strides = [2,2]>");
        assert_eq!(
            spatial,
            Work { class: KernelClass::ConvSpatial, positions: 20, reduction: 144, channels: 32, input: 1280, output: 640 }
        );
        assert_eq!(spatial.macs(), 20 * 144 * 32);
        assert_eq!(conv(16, "[32,16,1,1]", "").class, KernelClass::ConvPointwise);
        assert_eq!(conv(3, "[32,3,3,3]", "").class, KernelClass::ConvShallow);
        assert_eq!(conv(16, "[16,1,3,3]", "<group = 16>").class, KernelClass::ConvDepthwise);
        assert_eq!(conv(16, "[32,8,3,3]", "<group = 2>").class, KernelClass::ConvGrouped);
    }

    #[test]
    fn products_and_passes() {
        let product = |class| Work { class, positions: 12, reduction: 8, channels: 5, input: 96, output: 60 };
        assert_eq!(work("g (float[1,12,8] x, float[8,5] w) => (y) { y = MatMul(x, w) }"), Some(product(KernelClass::MatMul)));
        assert_eq!(work("g (float[8,12] x, float[8,5] w) => (y) { y = Gemm<transA = 1>(x, w) }"), Some(product(KernelClass::Gemm)));
        assert_eq!(work("g (float[N,T] x) => (y) { y = Sigmoid(x) }"), Some(Work::pass(KernelClass::Activation, 10)));
        assert_eq!(work("g (float[N,T] x) => (y) { y = Softmax(x) }"), None, "not priced");
        assert_eq!(work("g (float[N,8,H,W] x, float[4,8,K,K] w) => (y) { y = Conv(x, w) }").map(|w| w.positions), Some(1));
        assert_eq!(work("g (float x, float[8,5] w) => (y) { y = MatMul(x, w) }"), None, "no shape");
    }
}
