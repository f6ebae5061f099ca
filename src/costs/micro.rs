//! Models of one kernel each.
//!
//! All begin with one element, expanded, and end in one element of their result, so that nobody waits for tensors to be copied in and out; the end stands
//! behind a `Reshape`, which transposes do not pass.

use shrinx_rewrite::{
    ir::{DataType, Model, Tensor, text},
    ops::{Facts, Feeds, OpTable, costs::Work, seeded_tensor},
};
use std::fmt::Write;

/// A model and what it is fed.
#[derive(Clone, Debug)]
pub struct Micro {
    /// The model.
    pub model: Model,
    /// Its input.
    pub feeds: Feeds,
}

/// A convolution that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    inputs: u64,
    channels: u64,
    kernel: [u64; 2],
    map: [u64; 2],
    stride: u64,
    group: u64,
}

const fn conv(inputs: u64, channels: u64, kernel: [u64; 2], map: [u64; 2], stride: u64) -> Convolution {
    Convolution { inputs, channels, kernel, map, stride, group: 1 }
}

const fn grouped(channels: u64, kernel: u64, map: [u64; 2], stride: u64, group: u64) -> Convolution {
    Convolution { inputs: channels, channels, kernel: [kernel, kernel], map, stride, group }
}

/// Channels, height and width of what passes over elements are measured on. Ascending in elements.
pub const MAPS: &[[u64; 3]] =
    &[[16, 6, 40], [16, 6, 80], [64, 15, 15], [64, 28, 28], [128, 30, 30], [64, 56, 56], [96, 60, 60], [192, 56, 56], [96, 120, 120]];

/// The convolutions: small and large in each of reduction, channels and positions.
pub const CONVOLUTIONS: &[Convolution] = &[
    conv(16, 64, [1, 1], [28, 28], 1),
    conv(16, 96, [1, 1], [120, 120], 1),
    conv(24, 32, [1, 1], [28, 28], 1),
    conv(24, 144, [1, 1], [56, 56], 1),
    conv(32, 16, [1, 1], [56, 56], 1),
    conv(48, 256, [1, 1], [15, 15], 1),
    conv(48, 48, [1, 1], [120, 120], 1),
    conv(64, 64, [1, 1], [56, 56], 1),
    conv(64, 96, [1, 1], [3, 80], 1),
    conv(64, 128, [1, 1], [12, 160], 1),
    conv(64, 256, [1, 1], [28, 28], 1),
    conv(96, 24, [1, 1], [56, 56], 1),
    conv(96, 96, [1, 1], [60, 60], 1),
    conv(128, 48, [1, 1], [28, 28], 1),
    conv(128, 240, [1, 1], [12, 80], 1),
    conv(128, 512, [1, 1], [3, 80], 1),
    conv(192, 32, [1, 1], [3, 80], 1),
    conv(192, 192, [1, 1], [30, 30], 1),
    conv(192, 384, [1, 1], [15, 15], 1),
    conv(240, 240, [1, 1], [12, 80], 1),
    conv(256, 64, [1, 1], [56, 56], 1),
    conv(256, 128, [1, 1], [28, 28], 2),
    conv(384, 384, [1, 1], [15, 15], 1),
    conv(384, 24, [1, 1], [15, 15], 1),
    conv(480, 480, [1, 1], [6, 80], 1),
    conv(480, 120, [1, 1], [1, 40], 1),
    conv(512, 16, [1, 1], [3, 80], 1),
    conv(512, 512, [1, 1], [7, 7], 1),
    conv(960, 160, [1, 1], [7, 7], 1),
    conv(16, 16, [3, 3], [120, 120], 1),
    conv(16, 32, [3, 3], [56, 56], 2),
    conv(16, 64, [1, 7], [3, 80], 1),
    conv(24, 64, [5, 5], [15, 15], 1),
    conv(24, 24, [5, 5], [28, 28], 2),
    conv(32, 24, [7, 7], [3, 80], 2),
    conv(32, 32, [3, 3], [56, 56], 1),
    conv(32, 64, [3, 3], [112, 112], 2),
    conv(32, 128, [7, 7], [28, 28], 2),
    conv(48, 256, [3, 3], [15, 15], 2),
    conv(48, 96, [5, 5], [14, 14], 1),
    conv(64, 64, [3, 3], [56, 56], 1),
    conv(64, 128, [3, 3], [56, 56], 2),
    conv(64, 64, [3, 3], [20, 20], 1),
    conv(64, 16, [3, 3], [80, 80], 1),
    conv(96, 24, [3, 3], [15, 15], 1),
    conv(96, 24, [3, 3], [60, 60], 1),
    conv(96, 64, [1, 7], [28, 28], 1),
    conv(96, 128, [1, 3], [3, 80], 1),
    conv(96, 192, [3, 3], [40, 40], 2),
    conv(128, 128, [3, 3], [28, 28], 1),
    conv(128, 128, [3, 1], [15, 15], 1),
    conv(128, 16, [5, 5], [6, 80], 2),
    conv(192, 24, [3, 3], [56, 56], 1),
    conv(192, 256, [3, 3], [3, 80], 2),
    conv(192, 128, [5, 5], [15, 15], 2),
    conv(256, 64, [3, 1], [56, 56], 2),
    conv(256, 32, [1, 7], [3, 80], 2),
    conv(256, 256, [3, 3], [14, 14], 1),
    conv(384, 96, [3, 1], [15, 15], 1),
    conv(512, 24, [3, 1], [6, 80], 1),
    conv(512, 512, [3, 3], [7, 7], 1),
    conv(960, 60, [1, 3], [1, 40], 1),
    conv(1, 32, [3, 3], [28, 28], 1),
    conv(3, 16, [3, 3], [224, 224], 2),
    conv(3, 16, [3, 3], [48, 320], 2),
    conv(3, 32, [3, 3], [112, 112], 2),
    conv(3, 64, [7, 7], [112, 112], 2),
    conv(3, 24, [3, 3], [64, 64], 1),
    conv(3, 32, [5, 5], [64, 64], 2),
    conv(1, 16, [3, 3], [64, 64], 1),
    grouped(16, 3, [120, 120], 1, 16),
    grouped(32, 7, [56, 56], 1, 32),
    grouped(64, 3, [56, 56], 1, 64),
    grouped(96, 3, [56, 56], 2, 96),
    grouped(128, 5, [6, 80], 1, 128),
    grouped(192, 5, [15, 15], 1, 192),
    grouped(240, 5, [12, 80], 1, 240),
    grouped(256, 3, [28, 28], 1, 256),
    grouped(480, 5, [3, 80], 1, 480),
    grouped(512, 3, [15, 15], 1, 512),
    grouped(64, 3, [28, 28], 1, 2),
    grouped(128, 3, [14, 14], 1, 4),
    grouped(128, 3, [28, 28], 1, 8),
    grouped(128, 3, [28, 28], 1, 32),
    grouped(256, 3, [14, 14], 2, 16),
];

/// Rows, reduction and columns of the products.
pub const PRODUCTS: &[(u64, u64, u64)] = &[
    (1, 120, 3072),
    (1, 384, 1536),
    (1, 768, 768),
    (1, 3072, 128),
    (4, 64, 1024),
    (4, 768, 128),
    (4, 768, 1536),
    (16, 64, 3072),
    (16, 120, 1536),
    (16, 768, 768),
    (16, 1536, 128),
    (40, 64, 96),
    (40, 120, 360),
    (40, 120, 6625),
    (40, 240, 120),
    (40, 768, 32),
    (64, 32, 768),
    (64, 120, 768),
    (64, 384, 384),
    (64, 1536, 384),
    (64, 3072, 96),
    (128, 384, 128),
    (128, 384, 1536),
    (128, 768, 768),
    (256, 64, 384),
    (256, 1536, 32),
    (512, 120, 128),
    (512, 384, 384),
];

/// Scales and zero points: any will do, as long as those of a bias follow from them.
const SCALE: f64 = 0.05;
const WEIGHT_SCALE: f64 = 0.01;
const ZERO_POINT: i64 = 128;

/// A model in the making.
#[derive(Default)]
struct Draft {
    body: String,
    stored: Vec<Tensor>,
    made: usize,
}

impl Draft {
    fn store(&mut self, tensor: Option<Tensor>) -> String {
        self.stored.extend(tensor);
        format!("c{}", self.stored.len() - 1)
    }

    fn op(&mut self, call: &str) -> String {
        self.made += 1;
        let _ = writeln!(self.body, "t{} = {call}", self.made);
        format!("t{}", self.made)
    }

    fn scalars(&mut self) -> String {
        let scale = self.store(Tensor::from_f64(DataType::Float, [], &[SCALE]));
        format!("{scale}, {}", self.store(Tensor::from_integers(DataType::Uint8, [], &[ZERO_POINT])))
    }

    fn quantize(&mut self, x: &str) -> String {
        let scalars = self.scalars();
        self.op(&format!("QuantizeLinear({x}, {scalars})"))
    }

    fn dequantize(&mut self, x: &str) -> String {
        let scalars = self.scalars();
        self.op(&format!("DequantizeLinear({x}, {scalars})"))
    }

    /// A stored int8 or int32 tensor with a scale for each of `channels` along `axis`. ONNX Runtime computes a `Gemm` in int8 only where the weight's zero points
    /// are given.
    fn dequantized(&mut self, dtype: DataType, dims: &[u64], channels: u64, axis: usize, scale: f64) -> String {
        let data = self.store(seeded_tensor(dtype, dims.to_vec(), "w", 0));
        let scales = self.store(Tensor::from_f64(DataType::Float, [channels], &vec![scale; channels as usize]));
        let zero_points = self.store(Tensor::from_integers(dtype, [channels], &vec![0; channels as usize]));
        self.op(&format!("DequantizeLinear<axis = {axis}>({data}, {scales}, {zero_points})"))
    }

    fn weights(&mut self, dims: &[u64], int8: Option<usize>) -> String {
        match int8 {
            Some(axis) => self.dequantized(DataType::Int8, dims, dims[axis], axis, WEIGHT_SCALE),
            None => self.store(seeded_tensor(DataType::Float, dims.to_vec(), "w", 0)),
        }
    }

    fn bias(&mut self, channels: u64, int8: bool) -> String {
        if int8 {
            return self.dequantized(DataType::Int32, &[channels], channels, 0, SCALE * WEIGHT_SCALE);
        }
        self.store(seeded_tensor(DataType::Float, vec![channels], "b", 0))
    }

    /// The model that takes `x` of this type and shape, and makes an element of `y`.
    fn finish(self, dtype: DataType, dims: &[u64], y: &str, made: DataType) -> Micro {
        let list = |dims: &[u64]| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let declare = |(k, t): (usize, &Tensor)| match t.dims.as_slice() {
            [] => format!("{} c{k}", t.dtype),
            dims => format!("{}[{}] c{k}", t.dtype, list(dims)),
        };
        let stored = self.stored.iter().enumerate().map(declare).collect::<Vec<_>>().join(", ");
        let stored = if stored.is_empty() { String::new() } else { format!("<{stored}>") };
        let expanded = format!("x = Expand(seed, [{}])", list(dims));
        let body = format!("{expanded} {}flat = Reshape({y}, [-1]) one = Slice(flat, [0], [1])", self.body);
        let source = format!("kernel ({dtype}[1] seed) => ({made}[1] one) {stored} {{ {body} }}");
        let mut model = text::parse(&source).expect("a text of ours");
        for (k, tensor) in self.stored.into_iter().enumerate() {
            let value = model.find(Model::MAIN, &format!("c{k}")).expect("a value of ours");
            model.set_initializer(value, Some(tensor));
        }
        Micro { model, feeds: seeded_tensor(dtype, vec![1], "seed", 0).map(|t| ("seed", t)).into_iter().collect() }
    }
}

/// All but the kernel.
fn bare(dtype: DataType, dims: &[u64]) -> Micro {
    Draft::default().finish(dtype, dims, "x", dtype)
}

/// In this order: nothing on float and on bytes; a simple function in float and int8; a smooth one; quantize, dequantize; transpose to channels last and
/// first.
pub fn passes([channels, height, width]: [u64; 3]) -> Vec<Micro> {
    use DataType::{Float, Uint8};
    let dims = [1, channels, height, width];
    let of = |dtype: DataType, dims: &[u64], made: DataType, build: &dyn Fn(&mut Draft) -> String| {
        let mut draft = Draft::default();
        let y = build(&mut draft);
        draft.finish(dtype, dims, &y, made)
    };
    let through = |dtype, build: &dyn Fn(&mut Draft) -> String| of(dtype, &dims, dtype, build);
    let around = |op: &'static str| {
        move |draft: &mut Draft| {
            let x = draft.dequantize("x");
            let y = draft.op(&op.replace('x', &x));
            draft.quantize(&y)
        }
    };
    vec![
        bare(Float, &dims),
        bare(Uint8, &dims),
        through(Float, &|draft| draft.op("Mul(x, x)")),
        through(Uint8, &around("Mul(x, x)")),
        through(Float, &|draft| draft.op("HardSwish(x)")),
        through(Uint8, &around("Sigmoid(x)")),
        of(Float, &dims, Uint8, &|draft| draft.quantize("x")),
        of(Uint8, &dims, Float, &|draft| {
            // One scale for all would be dequantized behind the Slice.
            let scales = draft.store(Tensor::from_f64(Float, [channels], &vec![SCALE; channels as usize]));
            draft.op(&format!("DequantizeLinear<axis = 1>(x, {scales})"))
        }),
        through(Uint8, &|draft| draft.op("Transpose<perm = [0,2,3,1]>(x)")),
        of(Uint8, &[1, height, width, channels], Uint8, &|draft| draft.op("Transpose<perm = [0,3,1,2]>(x)")),
    ]
}

impl Convolution {
    fn input(&self) -> [u64; 4] {
        [1, self.inputs, self.map[0], self.map[1]]
    }

    fn model(&self, int8: bool) -> Micro {
        let Self { inputs, channels, kernel: [high, wide], stride, group, .. } = *self;
        let mut draft = Draft::default();
        let x = if int8 { draft.dequantize("x") } else { "x".into() };
        let w = draft.weights(&[channels, inputs / group, high, wide], int8.then_some(0));
        let b = draft.bias(channels, int8);
        let (top, left) = (high / 2, wide / 2);
        let y =
            draft.op(&format!("Conv<group = {group}, pads = [{top},{left},{top},{left}], strides = [{stride},{stride}]>({x}, {w}, {b})"));
        let y = if int8 { draft.quantize(&y) } else { y };
        let dtype = if int8 { DataType::Uint8 } else { DataType::Float };
        draft.finish(dtype, &self.input(), &y, dtype)
    }

    /// What it asks of the kernel.
    pub fn work(&self) -> Work {
        let model = self.model(false).model;
        let facts = Facts::infer(&model, &OpTable::standard());
        let node = model.nodes().find(|n| model.node(*n).is("Conv"));
        node.and_then(|n| Work::of(&model, &facts, n, &|_| 1)).expect("shapes of ours are known")
    }
}

/// Nothing on float and on bytes, the convolution in float and in int8.
pub fn convolution(shape: &Convolution) -> Vec<Micro> {
    let dims = shape.input();
    vec![bare(DataType::Float, &dims), bare(DataType::Uint8, &dims), shape.model(false), shape.model(true)]
}

/// Nothing on float and on bytes; `MatMul` in float and in int8, `Gemm` likewise.
pub fn product(rows: u64, reduction: u64, columns: u64) -> Vec<Micro> {
    use DataType::{Float, Uint8};
    let dims = [rows, reduction];
    let build = |op: &str, int8: bool| {
        let mut draft = Draft::default();
        let x = if int8 { draft.dequantize("x") } else { "x".into() };
        let w = draft.weights(&[reduction, columns], int8.then_some(1));
        let dtype = if int8 { Uint8 } else { Float };
        if op == "MatMul" {
            let y = draft.op(&format!("MatMul({x}, {w})"));
            return draft.finish(dtype, &dims, &y, Float);
        }
        let b = draft.bias(columns, int8);
        let y = draft.op(&format!("Gemm({x}, {w}, {b})"));
        let y = if int8 { draft.quantize(&y) } else { y };
        draft.finish(dtype, &dims, &y, dtype)
    };
    let bares = [bare(Float, &dims), bare(Uint8, &dims)];
    bares.into_iter().chain(["MatMul", "Gemm"].into_iter().flat_map(|op| [build(op, false), build(op, true)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::ir::{text::print, verify::verify};

    fn all() -> Vec<Micro> {
        let small = conv(4, 8, [3, 1], [5, 6], 2);
        passes([4, 3, 2]).into_iter().chain(convolution(&small)).chain(product(3, 4, 5)).collect()
    }

    #[test]
    fn models_are_sound_and_their_shapes_known() {
        for micro in all() {
            assert_eq!(verify(&micro.model).len(), 0, "{}", print(&micro.model));
            let facts = Facts::infer(&micro.model, &OpTable::standard());
            assert!(facts.problems().is_empty(), "{:?} {}", facts.problems(), print(&micro.model));
            assert!(micro.model.values().all(|v| facts.of(v).known_shape().is_some()), "{}", print(&micro.model));
        }
    }

    #[test]
    fn an_int8_convolution_is_as_it_is_quantized() {
        let model = &convolution(&conv(4, 8, [3, 1], [5, 6], 2))[3].model;
        let ops: Vec<&str> = model.nodes().map(|n| model.node(n).op.op.as_str()).filter(|op| *op != "Constant").collect();
        let dequantize = "DequantizeLinear";
        assert_eq!(ops, ["Expand", dequantize, dequantize, dequantize, "Conv", "QuantizeLinear", "Reshape", "Slice"]);
    }

    #[test]
    fn every_class_is_measured_at_several_shapes() {
        use shrinx_rewrite::ops::costs::KernelClass::{ConvDepthwise, ConvGrouped, ConvPointwise, ConvShallow, ConvSpatial};
        let classes: Vec<_> = CONVOLUTIONS.iter().map(|c| c.work().class).collect();
        let count = |class| classes.iter().filter(|c| **c == class).count();
        assert_eq!([ConvPointwise, ConvSpatial, ConvShallow, ConvDepthwise, ConvGrouped].map(count), [29, 33, 8, 10, 5]);
        assert!(MAPS.is_sorted_by_key(|map| map.iter().product::<u64>()));
    }
}
