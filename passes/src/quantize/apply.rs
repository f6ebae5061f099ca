//! Writing the pairs of `QuantizeLinear` and `DequantizeLinear` into a model.

use super::{
    affine::Affine,
    fit::{Fitted, Output},
    input::Input,
    layer::{Kind, Layer},
    placement::Placement,
};
use shrinx_rewrite::ir::{Attribute, DataType, Model, Node, NodeId, OpName, OrderKey, Tensor, ValueId};
use std::collections::BTreeMap;

/// Makes the layers int8. `inner` gives scale and zero point of every inner tensor of the placement; a layer whose output is no inner tensor, and that gives
/// int8, has a pair of its own.
pub fn apply(model: &mut Model, placement: &Placement, layers: &[(&Layer, &Fitted)], inner: &BTreeMap<ValueId, Affine>) {
    let mut writer = Writer { model, pairs: BTreeMap::new(), shared: Vec::new() };
    // Readers in int8 of the inner tensors, before anything moves.
    let in_int8: Vec<NodeId> = layers.iter().map(|(l, _)| l.node).chain(placement.bridges.iter().map(|b| b.node)).collect();
    for value in &placement.inner {
        let Some(affine) = inner.get(value) else { continue };
        if placement.made.contains(value) {
            writer.pair_behind(*value, *affine, &[*affine]);
        } else {
            writer.pair_beside(*value, *affine, &in_int8);
        }
    }
    for (layer, fitted) in layers {
        writer.layer(layer, fitted, placement.inner.contains(&layer.input));
        if let Some(Output { quantize, dequantize }) = fitted.output.as_ref().filter(|_| !placement.inner.contains(&layer.output)) {
            writer.pair_behind(layer.output, *quantize, dequantize);
        }
    }
}

struct Writer<'a> {
    model: &'a mut Model,
    /// Quantized forms of inputs that are no inner tensors: layers with equal ones share them.
    pairs: BTreeMap<ValueId, Vec<(Input, ValueId)>>,
    /// Constants that were added.
    shared: Vec<(Tensor, ValueId)>,
}

impl Writer<'_> {
    /// The value is quantized where it is made; everybody reads what it is read back as, which has its name.
    fn pair_behind(&mut self, value: ValueId, quantize: Affine, dequantize: &[Affine]) {
        let Some((producer, _)) = self.model.producer(value) else { return };
        let place = self.model.node(producer).order();
        let float = self.fresh(value, "float");
        self.model.move_producer(value, float);
        let codes = self.quantize(float, value, &[quantize], 1, place);
        let (node, inputs) = self.dequantize(value, codes, dequantize, 1);
        self.model.remake(value, place, node, &inputs);
    }

    /// The value stays; readers in int8 read a rounded form.
    fn pair_beside(&mut self, value: ValueId, affine: Affine, readers: &[NodeId]) {
        let rounded = self.rounded(value, &Input::tensor(affine), 1);
        let uses: Vec<(NodeId, usize)> = self.model.uses(value).filter(|(node, _)| readers.contains(node)).collect();
        for (node, port) in uses {
            self.model.set_input(node, port, Some(rounded));
        }
    }

    fn layer(&mut self, layer: &Layer, fitted: &Fitted, inner_input: bool) {
        let mut fitted = fitted.clone();
        let place = self.model.node(layer.node).order();
        if !inner_input {
            let axis = if layer.is_conv() { 1 } else { -1 };
            let rounded = self.rounded(layer.input, &fitted.input, axis);
            self.model.set_input(layer.node, 0, Some(rounded));
        }
        let bias = (layer.kind != Kind::MatMul).then(|| fitted.integer_bias());
        let Some(weight) = self.model.input(layer.node, 1) else { return };
        let codes = layer.codes(self.model, &fitted.codes);
        let scales = Tensor::from_f32([fitted.scales.len() as u64], &fitted.scales);
        let read = self.constant_dequantized(weight, codes, scales, layer.weight_axis(), place);
        self.model.set_input(layer.node, 1, Some(read));
        if let Some((codes, scales)) = bias {
            let like = self.model.input(layer.node, 2).unwrap_or(layer.raw);
            let count = codes.len() as u64;
            let bytes: Vec<u8> = codes.iter().flat_map(|c| c.to_le_bytes()).collect();
            let (codes, scales) = (Tensor::raw(DataType::Int32, [count], bytes), Tensor::from_f32([count], &scales));
            let read = self.constant_dequantized(like, codes, scales, 0, place);
            self.model.set_input(layer.node, 2, Some(read));
            let node = self.model.node_mut(layer.node);
            node.attributes.retain(|a| !["alpha", "beta"].contains(&a.name.as_str()));
        } else if let Some(added) = layer.added {
            // More axes than a vector: the runtime would fuse a vector into a float product.
            let leading = if added.rank < 3 { 0 } else { added.rank - 1 };
            let dims: Vec<u64> = std::iter::repeat_n(1, leading).chain([fitted.bias.len() as u64]).collect();
            let data: Vec<f32> = fitted.bias.iter().map(|b| *b as f32).collect();
            let value = self.constant(added.value, "corrected", Tensor::from_f32(dims, &data));
            self.model.set_input(added.node, added.port, Some(value));
        }
    }

    /// `value`, rounded: behind a multiplication of its channels where that is asked for.
    fn rounded(&mut self, value: ValueId, input: &Input, axis: i64) -> ValueId {
        if let Some((_, found)) = self.pairs.get(&value).into_iter().flatten().find(|(i, _)| i == input) {
            return *found;
        }
        let place = self.model.producer(value).map_or_else(OrderKey::default, |(node, _)| self.model.node(node).order());
        let source = match &input.premultiplied {
            None => value,
            // Of a matrix product alone, whose channels lie last.
            Some(factors) => {
                let factors = self.constant(value, "factors", Tensor::from_f32([factors.len() as u64], factors));
                let evened = self.fresh(value, "evened");
                self.add(Node::new(OpName::onnx("Mul"), vec![]), &[Some(value), Some(factors)], evened, place);
                evened
            }
        };
        let codes = self.quantize(source, value, &input.quantize, axis, place);
        let rounded = self.fresh(value, "rounded");
        let (node, inputs) = self.dequantize(value, codes, &[input.dequantize], axis);
        self.add(node, &inputs, rounded, place);
        self.pairs.entry(value).or_default().push((input.clone(), rounded));
        rounded
    }

    fn quantize(&mut self, source: ValueId, like: ValueId, affines: &[Affine], axis: i64, place: OrderKey) -> ValueId {
        let codes = self.fresh(like, "quantized");
        let (node, parameters) = self.parameterized("QuantizeLinear", like, affines, axis);
        self.add(node, &[Some(source), parameters[0], parameters[1]], codes, place);
        codes
    }

    fn dequantize(&mut self, like: ValueId, codes: ValueId, affines: &[Affine], axis: i64) -> (Node, [Option<ValueId>; 3]) {
        let (node, parameters) = self.parameterized("DequantizeLinear", like, affines, axis);
        (node, [Some(codes), parameters[0], parameters[1]])
    }

    fn parameterized(&mut self, op: &str, like: ValueId, affines: &[Affine], axis: i64) -> (Node, [Option<ValueId>; 2]) {
        let dims = if affines.len() == 1 { vec![] } else { vec![affines.len() as u64] };
        let scales: Vec<f32> = affines.iter().map(|a| a.scale).collect();
        let zeros: Vec<u8> = affines.iter().map(|a| a.zero).collect();
        let scale = self.constant(like, "scale", Tensor::from_f32(dims.clone(), &scales));
        let zero = self.constant(like, "zero_point", Tensor::raw(DataType::Uint8, dims, zeros));
        let attributes = if affines.len() == 1 { vec![] } else { vec![Attribute::new("axis", axis)] };
        (Node::new(OpName::onnx(op), attributes), [Some(scale), Some(zero)])
    }

    fn constant_dequantized(&mut self, like: ValueId, codes: Tensor, scales: Tensor, axis: i64, place: OrderKey) -> ValueId {
        let zeros =
            Tensor::raw(codes.dtype, scales.dims.clone(), vec![0u8; scales.len() * if codes.dtype == DataType::Int32 { 4 } else { 1 }]);
        let read = self.fresh(like, "dequantized");
        let codes = self.constant(like, "quantized", codes);
        let (scale, zero) = (self.constant(like, "scale", scales), self.constant(like, "zero_point", zeros));
        // In front of its reader: the order of nodes follows their edges.
        let node = Node::new(OpName::onnx("DequantizeLinear"), vec![Attribute::new("axis", axis)]);
        self.add(node, &[Some(codes), Some(scale), Some(zero)], read, place);
        read
    }

    /// A constant; the same one for equal contents.
    fn constant(&mut self, like: ValueId, what: &str, tensor: Tensor) -> ValueId {
        let small = tensor.len() <= 4096;
        if let Some((_, found)) = self.shared.iter().find(|(t, _)| small && t.same_content(&tensor)) {
            return *found;
        }
        let hint = format!("{}_{what}", self.model.name(like));
        let value = self.model.add_initializer(Model::MAIN, &hint, tensor.clone());
        if small {
            self.shared.push((tensor, value));
        }
        value
    }

    fn fresh(&mut self, like: ValueId, what: &str) -> ValueId {
        let name = self.model.fresh_name(&format!("{}_{what}", self.model.name(like)));
        self.model.add_value(Model::MAIN, name)
    }

    fn add(&mut self, node: Node, inputs: &[Option<ValueId>], output: ValueId, place: OrderKey) {
        let order = self.model.order_after(place);
        self.model.add_node(Model::MAIN, order, node, inputs, &[Some(output)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::{
        fit::{Corrections, fit},
        layer::layers_of,
        placement::placement,
    };
    use shrinx_rewrite::{
        diff,
        ir::{text, verify::verify},
        ops::OpTable,
    };

    const NONE: Corrections = Corrections { mean: false, least_squares: false, adaptive: false };

    /// All layers of a graph made int8, with inputs and outputs of -1 to 1: the difference.
    fn quantized(graph: &str) -> String {
        let mut model = text::parse(&format!("<ir_version: 8, opset_import: [\"\": 17]>\n{graph}")).unwrap();
        let before = text::print(&model);
        let ops = OpTable::standard();
        let (layers, _) = layers_of(&model, &ops);
        let places = placement(&model, &ops, &layers.iter().collect::<Vec<_>>());
        let affine = Affine { scale: 0.007_812_5, zero: 128 };
        let make = |layer: &Layer| {
            let (rows, bias) = (layer.rows(&model), layer.bias(&model));
            let fitted = fit(layer, &rows, &bias, Input::tensor(affine), None, NONE);
            let own = layer.is_conv() && !places.inner.contains(&layer.output);
            Fitted { output: own.then(|| Output { quantize: affine, dequantize: vec![affine] }), ..fitted }
        };
        let fitted: Vec<Fitted> = layers.iter().map(make).collect();
        let inner = places.inner.iter().map(|v| (*v, affine)).collect();
        apply(&mut model, &places, &layers.iter().zip(&fitted).collect::<Vec<_>>(), &inner);
        assert_eq!(verify(&model), []);
        diff::lines(&before, &text::print(&model), 0)
    }

    #[test]
    fn layers_in_a_row_share_the_pair_between_them() {
        let graph = "g (float[N,2,8,8] x) => (float[N,2,8,8] y) <float[2,2,1,1] w = {1, 2, 3, 4}, float[2,2,1,1] v = {1, 0, 0, 1}> {
            a = Conv(x, w) b = Relu(a) y = Conv(b, v)
        }";
        insta::assert_snapshot!(quantized(graph), @"
        -   float[2,2,1,1] v = {1.0, 0.0, 0.0, 1.0}
        +   float[2,2,1,1] v = {1.0, 0.0, 0.0, 1.0},
        +   float b_scale = {0.0078125},
        +   uint8 b_zero_point = {128},
        +   int8[2,2,1,1] w_quantized = {64, 127, 95, 127},
        +   float[2] w_scale = {0.015748031, 0.031496063},
        +   int8[2] w_zero_point = {0, 0},
        +   int32[2] a_quantized = {0, 0},
        +   float[2] a_scale = {0.0001230315, 0.000246063},
        +   int8[2,2,1,1] v_quantized = {127, 0, 0, 127},
        +   float[2] v_scale = {0.007874016, 0.007874016},
        +   float[2] y_scale = {6.151575e-5, 6.151575e-5}
          ...
        -   a = Conv(x, w)
        -   b = Relu(a)
        -   y = Conv(b, v)
        +   x_quantized = QuantizeLinear(x, b_scale, b_zero_point)
        +   x_rounded = DequantizeLinear(x_quantized, b_scale, b_zero_point)
        +   w_dequantized = DequantizeLinear(w_quantized, w_scale, w_zero_point) <axis = 0>
        +   a_dequantized = DequantizeLinear(a_quantized, a_scale, a_quantized) <axis = 0>
        +   a = Conv(x_rounded, w_dequantized, a_dequantized)
        +   b_float = Relu(a)
        +   b_quantized = QuantizeLinear(b_float, b_scale, b_zero_point)
        +   b = DequantizeLinear(b_quantized, b_scale, b_zero_point)
        +   v_dequantized = DequantizeLinear(v_quantized, v_scale, w_zero_point) <axis = 0>
        +   y_dequantized = DequantizeLinear(a_quantized, y_scale, a_quantized) <axis = 0>
        +   y_float = Conv(b, v_dequantized, y_dequantized)
        +   y_quantized = QuantizeLinear(y_float, b_scale, b_zero_point)
        +   y = DequantizeLinear(y_quantized, b_scale, b_zero_point)
        ");
    }

    #[test]
    fn a_matrix_product_gets_no_pair_behind_it() {
        let graph =
            "g (float[N,S,2] x) => (float[N,S,2] y) <float[2,2] w = {1, 2, 3, 4}, float[2] k = {1, 2}> { a = MatMul(x, w) y = Add(k, a) }";
        insta::assert_snapshot!(quantized(graph), @"
        -   float[2] k = {1.0, 2.0}
        +   float[2] k = {1.0, 2.0},
        +   float x_scale = {0.0078125},
        +   uint8 x_zero_point = {128},
        +   int8[2,2] w_quantized = {42, 64, 127, 127},
        +   float[2] w_scale = {0.023622047, 0.031496063},
        +   int8[2] w_zero_point = {0, 0},
        +   float[1,1,2] k_corrected = {1.0, 2.0}
          ...
        -   a = MatMul(x, w)
        -   y = Add(k, a)
        +   x_quantized = QuantizeLinear(x, x_scale, x_zero_point)
        +   x_rounded = DequantizeLinear(x_quantized, x_scale, x_zero_point)
        +   w_dequantized = DequantizeLinear(w_quantized, w_scale, w_zero_point) <axis = 1>
        +   a = MatMul(x_rounded, w_dequantized)
        +   y = Add(k_corrected, a)
        ");
    }

    #[test]
    fn a_gemm_takes_its_factors_into_the_weights() {
        let graph = "g (float[N,2] x) => (float[N,2] y) <float[2,2] w = {1, 2, 3, 4}, float[2] k = {1, 2}> {
            y = Gemm<alpha = 2.0, beta = 3.0, transB = 1>(x, w, k)
        }";
        insta::assert_snapshot!(quantized(graph), @"
        -   float[2] k = {1.0, 2.0}
        +   float[2] k = {1.0, 2.0},
        +   float x_scale = {0.0078125},
        +   uint8 x_zero_point = {128},
        +   int8[2,2] w_quantized = {64, 127, 95, 127},
        +   float[2] w_scale = {0.031496063, 0.062992126},
        +   int8[2] w_zero_point = {0, 0},
        +   int32[2] k_quantized = {12192, 12192},
        +   float[2] k_scale = {0.000246063, 0.000492126},
        +   int32[2] k_zero_point = {0, 0}
          ...
        -   y = Gemm(x, w, k) <alpha = 2.0, beta = 3.0, transB = 1>
        +   x_quantized = QuantizeLinear(x, x_scale, x_zero_point)
        +   x_rounded = DequantizeLinear(x_quantized, x_scale, x_zero_point)
        +   w_dequantized = DequantizeLinear(w_quantized, w_scale, w_zero_point) <axis = 0>
        +   k_dequantized = DequantizeLinear(k_quantized, k_scale, k_zero_point) <axis = 0>
        +   y = Gemm(x_rounded, w_dequantized, k_dequantized) <transB = 1>
        ");
    }

    #[test]
    fn equal_inputs_are_rounded_once_and_outputs_keep_their_names() {
        let graph = "g (float[N,2] x) => (float[N,2] y, float[N,2] z) <float[2,2] w = {1, 2, 3, 4}> { y = Gemm(x, w) z = Gemm(x, w) }";
        insta::assert_snapshot!(quantized(graph), @"
        -   float[2,2] w = {1.0, 2.0, 3.0, 4.0}
        +   float[2,2] w = {1.0, 2.0, 3.0, 4.0},
        +   float x_scale = {0.0078125},
        +   uint8 x_zero_point = {128},
        +   int8[2,2] w_quantized = {42, 64, 127, 127},
        +   float[2] w_scale = {0.023622047, 0.031496063},
        +   int8[2] w_zero_point = {0, 0},
        +   int32[2] y_quantized = {0, 0},
        +   float[2] y_scale = {0.00018454724, 0.000246063}
          ...
        -   y = Gemm(x, w)
        -   z = Gemm(x, w)
        +   x_quantized = QuantizeLinear(x, x_scale, x_zero_point)
        +   x_rounded = DequantizeLinear(x_quantized, x_scale, x_zero_point)
        +   w_dequantized = DequantizeLinear(w_quantized, w_scale, w_zero_point) <axis = 1>
        +   y_dequantized = DequantizeLinear(y_quantized, y_scale, y_quantized) <axis = 0>
        +   y = Gemm(x_rounded, w_dequantized, y_dequantized)
        +   w_dequantized_1 = DequantizeLinear(w_quantized, w_scale, w_zero_point) <axis = 1>
        +   z_dequantized = DequantizeLinear(y_quantized, y_scale, y_quantized) <axis = 0>
        +   z = Gemm(x_rounded, w_dequantized_1, z_dequantized)
        ");
    }
}
