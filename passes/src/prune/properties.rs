//! Random graphs of many families of operators, random plans: each cut model computes what its masked original does.

use super::{Groups, Kept, Removal, testing::proven, unshare};
use shrinx_rewrite::{
    ir::{Model, Tensor},
    ops::{Facts, OpTable, seeded_tensor},
    testing,
};

/// A generator of numbers (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// A graph in the making.
struct Sketch {
    random: Random,
    constants: Vec<String>,
    nodes: Vec<String>,
}

impl Sketch {
    fn new(seed: u64) -> Self {
        Self { random: Random(seed), constants: Vec::new(), nodes: Vec::new() }
    }

    /// A weight of this shape.
    fn weight(&mut self, dims: &[usize]) -> String {
        self.constant("float", dims, "")
    }

    fn integers(&mut self, values: &[i64]) -> String {
        let list: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.constant("int64", &[values.len()], &format!(" = {{{}}}", list.join(", ")))
    }

    fn constant(&mut self, dtype: &str, dims: &[usize], content: &str) -> String {
        let name = format!("c{}", self.constants.len());
        let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
        self.constants.push(format!("{dtype}[{}] {name}{content}", dims.join(",")));
        name
    }

    /// A node with one output.
    fn node(&mut self, op: &str, inputs: &[&str]) -> String {
        let name = format!("n{}", self.nodes.len());
        self.nodes.push(format!("{name} = {op}({})", inputs.join(", ")));
        name
    }

    fn conv(&mut self, x: &str, from: usize, to: usize) -> String {
        let (kernel, pads) = if self.random.below(2) == 0 { (1, "0,0,0,0") } else { (3, "1,1,1,1") };
        let (w, b) = (self.weight(&[to, from, kernel, kernel]), self.weight(&[to]));
        self.node(&format!("Conv<pads = [{pads}]>"), &[x, &w, &b])
    }

    fn activated(&mut self, x: &str) -> String {
        let op = self.random.of(&["Relu", "Sigmoid", "HardSwish", "Tanh", "LeakyRelu<alpha = 0.1>", "Identity"]);
        self.node(op, &[x])
    }

    /// A step on `[N, c, 8, 8]`, and its channels.
    fn image(&mut self, x: &str, c: usize) -> (String, usize) {
        let to = [4, 6, 8][self.random.below(3)];
        match self.random.below(13) {
            0 => {
                let y = self.conv(x, c, to);
                (self.activated(&y), to)
            }
            1 => {
                let (w, e) = (self.weight(&[c, 1, 3, 3]), self.weight(&[2 * c, 1, 1, 1]));
                let y = self.node(&format!("Conv<group = {c}, pads = [1,1,1,1]>"), &[x, &w]);
                (self.node(&format!("Conv<group = {c}>"), &[&y, &e]), 2 * c)
            }
            2 => {
                let w = self.weight(&[to, c / 2, 1, 1]);
                (self.node("Conv<group = 2>", &[x, &w]), to)
            }
            3 => {
                let inner = self.conv(x, c, to);
                let inner = self.activated(&inner);
                let inner = self.conv(&inner, to, c);
                (self.node("Add", &[x, &inner]), c)
            }
            4 => {
                let (a, b) = (self.conv(x, c, to), self.conv(x, c, 4));
                (self.node("Concat<axis = 1>", &[&b, &a, x]), to + 4 + c)
            }
            5 => {
                let (a, b) = (format!("a{}", self.nodes.len()), format!("b{}", self.nodes.len()));
                let sizes = self.integers(&[2, c as i64 - 2]);
                self.nodes.push(format!("{a}, {b} = Split<axis = 1>({x}, {sizes})"));
                let (a, b) = (self.activated(&a), self.activated(&b));
                (self.node("Concat<axis = 1>", &[&b, &a]), c)
            }
            6 => {
                let [start, end, axis, step] = [[1], [i64::MAX], [1], [2]].map(|v| self.integers(&v));
                let odd = self.node("Slice", &[x, &start, &end, &axis, &step]);
                let picks = self.integers(&[0, -1, 2]);
                let picked = self.node("Gather<axis = 1>", &[x, &picks]);
                (self.node("Concat<axis = 1>", &[&odd, &picked]), c / 2 + 3)
            }
            7 => {
                let apart = self.integers(&[0, 2, c as i64 / 2, 8, 8]);
                let together = self.integers(&[0, -1, 8, 8]);
                let y = self.node("Reshape", &[x, &apart]);
                let y = self.node("Transpose<perm = [0,2,1,3,4]>", &[&y]);
                (self.node("Reshape", &[&y, &together]), c)
            }
            8 => {
                let squeezed = self.node("GlobalAveragePool", &[x]);
                let inner = self.conv(&squeezed, c, 4);
                let inner = self.activated(&inner);
                let gate = self.conv(&inner, 4, c);
                let gate = self.node("Sigmoid", &[&gate]);
                (self.node("Mul", &[x, &gate]), c)
            }
            9 => {
                let [scale, bias, mean] = [(); 3].map(|()| self.weight(&[c]));
                let variance = format!("v{}", self.constants.len());
                self.constants.push(format!("float[{c}] {variance}"));
                let y = self.node("BatchNormalization", &[x, &scale, &bias, &mean, &variance]);
                let slope = self.weight(&[c, 1, 1]);
                (self.node("PRelu", &[&y, &slope]), c)
            }
            10 => {
                let y = self.node("MaxPool<kernel_shape = [2,2], strides = [2,2]>", &[x]);
                let w = self.weight(&[c, to, 2, 2]);
                (self.node("ConvTranspose<strides = [2,2]>", &[&y, &w]), to)
            }
            11 => {
                let y = self.conv(x, c, 16);
                let y = self.node("DepthToSpace<blocksize = 2>", &[&y]);
                (self.node("AveragePool<kernel_shape = [2,2], strides = [2,2]>", &[&y]), 4)
            }
            _ => {
                let y = self.node("MaxPool<kernel_shape = [2,2], strides = [2,2]>", &[x]);
                let sizes = self.integers(&[2, c as i64, 8, 8]);
                let shape = self.node("Shape<end = 1>", &[x]);
                let rest = self.node("Slice", &[&sizes, "one", "four"]);
                let sizes = self.node("Concat<axis = 0>", &[&shape, &rest]);
                let mode = "Resize<mode = \"nearest\", coordinate_transformation_mode = \"asymmetric\", nearest_mode = \"floor\">";
                (self.node(mode, &[&y, "", "", &sizes]), c)
            }
        }
    }

    /// A step on `[N, S, d]`, and its features.
    fn sequence(&mut self, x: &str, d: usize) -> (String, usize) {
        let to = [4, 6, 8][self.random.below(3)];
        match self.random.below(7) {
            0 => {
                let (w, b) = (self.weight(&[d, to]), self.weight(&[to]));
                let y = self.node("MatMul", &[x, &w]);
                let y = self.node("Add", &[&b, &y]);
                (self.activated(&y), to)
            }
            1 => {
                let [gate, up, down] = [[d, 12], [d, 12], [12, d]].map(|dims| self.weight(&dims));
                let (a, b) = (self.node("MatMul", &[x, &gate]), self.node("MatMul", &[x, &up]));
                let a = self.node("Sigmoid", &[&a]);
                let y = self.node("Mul", &[&a, &b]);
                let y = self.node("MatMul", &[&y, &down]);
                (self.node("Add", &[x, &y]), d)
            }
            2 => (self.attention(x, d), d),
            3 => {
                let (w, r, b) = (self.weight(&[1, 4 * to, d]), self.weight(&[1, 4 * to, to]), self.weight(&[1, 8 * to]));
                let y = self.node("Transpose<perm = [1,0,2]>", &[x]);
                let y = self.node(&format!("LSTM<hidden_size = {to}>"), &[&y, &w, &r, &b]);
                let y = self.node("Squeeze", &[&y, "one"]);
                (self.node("Transpose<perm = [1,0,2]>", &[&y]), to)
            }
            4 => {
                let (w, r, b) = (self.weight(&[1, 3 * to, d]), self.weight(&[1, 3 * to, to]), self.weight(&[1, 6 * to]));
                let y = self.node("Transpose<perm = [1,0,2]>", &[x]);
                let y = self.node(&format!("GRU<hidden_size = {to}, linear_before_reset = 1>"), &[&y, &w, &r, &b]);
                let y = self.node("Squeeze", &[&y, "one"]);
                (self.node("Transpose<perm = [1,0,2]>", &[&y]), to)
            }
            5 => {
                let (scale, bias) = (self.weight(&[d]), self.weight(&[d]));
                (self.node("LayerNormalization", &[x, &scale, &bias]), d)
            }
            _ => {
                let w = self.weight(&[to, d]);
                let y = self.node("Einsum<equation = \"nsd,ed->nse\">", &[x, &w]);
                (self.activated(&y), to)
            }
        }
    }

    fn attention(&mut self, x: &str, d: usize) -> String {
        let (apart, together) = (self.integers(&[0, -1, 2, 4]), self.integers(&[0, -1, 8]));
        let [q, k, v] = [(); 3].map(|()| {
            let w = self.weight(&[d, 8]);
            let y = self.node("MatMul", &[x, &w]);
            self.node("Reshape", &[&y, &apart])
        });
        let (q, v) = (self.node("Transpose<perm = [0,2,1,3]>", &[&q]), self.node("Transpose<perm = [0,2,1,3]>", &[&v]));
        let k = self.node("Transpose<perm = [0,2,3,1]>", &[&k]);
        let scores = self.node("MatMul", &[&q, &k]);
        let weights = self.node("Softmax<axis = -1>", &[&scores]);
        let y = self.node("MatMul", &[&weights, &v]);
        let y = self.node("Transpose<perm = [0,2,1,3]>", &[&y]);
        let y = self.node("Reshape", &[&y, &together]);
        let w = self.weight(&[8, d]);
        let y = self.node("MatMul", &[&y, &w]);
        self.node("Add", &[x, &y])
    }

    fn finish(mut self, input: &str, last: &str) -> Model {
        self.constants.extend(["int64[1] one = {1}".into(), "int64[1] four = {4}".into()]);
        self.nodes.push(format!("y = {last}"));
        let (constants, nodes) = (self.constants.join(", "), self.nodes.join("\n"));
        let mut model = testing::model(&format!("g ({input}) => (float y) <{constants}> {{\n{nodes}\n}}"));
        // Weights of both signs, so that activations stay in range.
        for value in model.values().collect::<Vec<_>>() {
            let name = model.name(value).to_string();
            let Some(tensor) = model.constant(value).filter(|t| t.dtype.is_float() && name.starts_with('c')).cloned() else { continue };
            let summed = tensor.dims.iter().skip(1).product::<u64>().max(1) as f64;
            let normal = seeded_tensor(tensor.dtype, tensor.dims.clone(), &name, 1).and_then(|t| t.to_f64()).expect("floats");
            let scaled: Vec<f64> = normal.iter().map(|x| x / summed.sqrt()).collect();
            model.set_initializer(value, Tensor::from_f64(tensor.dtype, tensor.dims, &scaled));
        }
        model
    }
}

fn image_net(seed: u64) -> Model {
    let mut sketch = Sketch::new(seed);
    let (mut x, mut c) = (sketch.conv("x", 3, 8), 8);
    for _ in 0..5 {
        if c % 2 == 1 {
            (x, c) = (sketch.conv(&x, c, 6), 6);
        }
        (x, c) = sketch.image(&x, c);
    }
    let w = sketch.weight(&[2, c, 1, 1]);
    sketch.finish("float[N,3,8,8] x", &format!("Conv({x}, {w})"))
}

fn sequence_net(seed: u64) -> Model {
    let mut sketch = Sketch::new(seed);
    let w = sketch.weight(&[5, 8]);
    let (mut x, mut d) = (sketch.node("MatMul", &["x", &w]), 8);
    for _ in 0..4 {
        (x, d) = sketch.sequence(&x, d);
    }
    let w = sketch.weight(&[d, 3]);
    sketch.finish("float[N,S,5] x", &format!("MatMul({x}, {w})"))
}

/// A plan by chance: each block of a group loses the same number.
fn removal(groups: &Groups, random: &mut Random) -> Removal {
    let of_group = |group: &super::Group| {
        let blocks = group.blocks.iter().max().map_or(0, |b| b + 1);
        let size = group.units.len() / blocks.max(1);
        let count = random.below(size);
        let mut gone = Vec::new();
        for block in 0..blocks {
            let mut members: Vec<usize> = (0..group.units.len()).filter(|u| group.blocks[*u] == block).collect();
            gone.extend((0..count).map(|_| members.swap_remove(random.below(members.len()))));
        }
        gone.sort_unstable();
        gone
    };
    Removal { groups: groups.groups.iter().map(of_group).collect() }
}

fn cut_at_random(mut model: Model, seed: u64) {
    let ops = OpTable::standard();
    unshare(&mut model);
    let facts = Facts::infer(&model, &ops);
    let groups = Groups::discover(&model, &facts, &ops);
    let mut random = Random(seed);
    let mut plans = (0..100).map(|_| Kept::of(&groups, &removal(&groups, &mut random)));
    // Units of one group may lie in several parts of a split axis, of which none may be left empty.
    let leaves_all = |kept: &Kept| {
        kept.losses().all(|(v, axis, lost)| facts.of(v).shape.as_ref().is_some_and(|s| s[axis].known() > Some(lost.len() as i64)))
    };
    let kept = plans.find(leaves_all).expect("a plan that leaves something of each tensor");
    proven(&model, &kept);
}

#[test]
fn image_nets_compute_what_their_masked_originals_do() {
    (0..300).for_each(|seed| cut_at_random(image_net(seed), seed));
}

#[test]
fn sequence_nets_compute_what_their_masked_originals_do() {
    (0..300).for_each(|seed| cut_at_random(sequence_net(seed), seed));
}
