use super::*;
use crate::seeded_tensor;
use shrinx_ir::text;

/// The text's first contraction, its weights stored.
fn view(source: &str, stored: &[(&str, &[u64])]) -> (Model, Contraction) {
    let mut model = text::parse(source).unwrap();
    for (name, dims) in stored {
        let value = model.find(Model::MAIN, name).unwrap();
        model.set_initializer(value, seeded_tensor(DataType::Float, dims.to_vec(), name, 1));
    }
    let node = model.nodes_in_order(Model::MAIN).unwrap()[0];
    let view = Contraction::of(&model, node).unwrap();
    (model, view)
}

/// Rows times matrices, with the bias: what comes out at each place and channel.
fn computed(model: &Model, view: &Contraction, x: &Tensor) -> Vec<f32> {
    let (weights, biases) = (view.weights(model).unwrap(), view.biases(model));
    let places: Vec<usize> = (0..view.count(&x.dims).unwrap()).collect();
    let (n, mut out) = (view.columns(), vec![0.0; places.len() * view.channels()]);
    for (g, matrix) in weights.iter().enumerate() {
        let mut rows = Vec::new();
        view.add_rows((&x.as_f32().unwrap(), &x.dims), g, &places, |_, x| x, &mut rows).unwrap();
        for (p, row) in rows.chunks_exact(n).enumerate() {
            for (o, w) in matrix.chunks_exact(n).enumerate() {
                let c = g * view.outputs + o;
                out[p * view.channels() + c] = (w.iter().zip(row).map(|(w, x)| w * f64::from(*x)).sum::<f64>() + biases[c]) as f32;
            }
        }
    }
    out
}

/// `(out, in)` pairs of a plain grouped or transposed convolution in two dimensions, by its definition.
fn direct(x: &Tensor, w: &Tensor, group: usize, transposed: bool, (s, d, p): (usize, usize, usize)) -> Vec<f32> {
    let dim = |t: &Tensor, k: usize| t.dims[k] as usize;
    let (x_data, w_data) = (x.as_f32().unwrap().into_owned(), w.as_f32().unwrap().into_owned());
    let (channels, height, width, kernel) = (dim(x, 1), dim(x, 2), dim(x, 3), dim(w, 2));
    let (m, i) = if transposed { (dim(w, 1), channels / group) } else { (dim(w, 0) / group, dim(w, 1)) };
    let reach = d * (kernel - 1) + 1;
    let out = |n: usize| if transposed { (n - 1) * s + reach - 2 * p } else { (n + 2 * p - reach) / s + 1 };
    let mut y = vec![0.0; out(height) * out(width) * m * group];
    for (g, o, c, a, b, k, l) in (0..group).flat_map(|g| {
        (0..m).flat_map(move |o| {
            (0..i).flat_map(move |c| {
                (0..height.max(out(height))).flat_map(move |a| {
                    (0..width.max(out(width))).flat_map(move |b| (0..kernel * kernel).map(move |k| (g, o, c, a, b, k / kernel, k % kernel)))
                })
            })
        })
    }) {
        // (a, b) runs over the shorter side: the output of a convolution, the input of a transposed one.
        let (near, far) =
            if transposed { ((height, width), (out(height), out(width))) } else { ((out(height), out(width)), (height, width)) };
        let (e, f) = ((a * s + k * d) as i64 - p as i64, (b * s + l * d) as i64 - p as i64);
        if a >= near.0 || b >= near.1 || e < 0 || f < 0 || e >= far.0 as i64 || f >= far.1 as i64 {
            continue;
        }
        let (e, f) = (e as usize, f as usize);
        let (x_at, y_at) = if transposed { ((a, b), (e, f)) } else { ((e, f), (a, b)) };
        let weight = if transposed { ((g * i + c) * m + o) * kernel * kernel } else { ((g * m + o) * i + c) * kernel * kernel };
        y[(y_at.0 * out(width) + y_at.1) * m * group + g * m + o] +=
            w_data[weight + k * kernel + l] * x_data[((g * i + c) * height + x_at.0) * width + x_at.1];
    }
    y
}

fn near(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{a} against {b}"));
}

#[test]
fn convolutions_of_any_group_are_matrices() {
    let x = seeded_tensor(DataType::Float, vec![1, 4, 7, 6], "x", 2).unwrap();
    for (op, group, dims) in [
        ("Conv", 1, [6, 4, 3, 3]),
        ("Conv", 2, [6, 2, 3, 3]),
        ("Conv", 4, [4, 1, 3, 3]),
        ("ConvTranspose", 1, [4, 3, 3, 3]),
        ("ConvTranspose", 2, [4, 3, 3, 3]),
    ] {
        let source = format!(
            "g (float[1,4,7,6] x) => (float[1,M,H,W] y) <float[{},{},3,3] w> {{
                y = {op} <group = {group}, strides = [2, 2], dilations = [1, 1], pads = [1, 1, 1, 1]> (x, w)
            }}",
            dims[0], dims[1]
        );
        let (model, view) = view(&source, &[("w", &dims)]);
        let w = constant(&model, view.weight).unwrap();
        near(&computed(&model, &view, &x), &direct(&x, &w, group, op == "ConvTranspose", (2, 1, 1)));
    }
}

#[test]
fn products_from_either_side_are_matrices() {
    let (k, m) = (3usize, 2usize);
    let w = seeded_tensor(DataType::Float, vec![6], "w", 1).unwrap().as_f32().unwrap().into_owned();
    let x = seeded_tensor(DataType::Float, vec![12], "x", 2).unwrap().as_f32().unwrap().into_owned();
    // Stored [K, M] or [M, K]; x is [4, K] or [K, 4].
    for (text, w_dims, x_dims, k_first, rows) in [
        ("MatMul(x, w)", [3, 2], [4, 3], true, true),
        ("MatMul(w, x)", [2, 3], [3, 4], false, false),
        ("Gemm <alpha = 0.5> (x, w)", [3, 2], [4, 3], true, true),
        ("Gemm <alpha = 0.5, transA = 1, transB = 1> (x, w)", [2, 3], [3, 4], false, false),
        ("Gemm <alpha = 0.5> (w, x)", [2, 3], [3, 4], false, false),
        ("Gemm <alpha = 0.5, transA = 1, transB = 1> (w, x)", [3, 2], [4, 3], true, true),
    ] {
        let source =
            format!("g (float[{},{}] x) => (float[A,B] y) <float[{},{}] w> {{ y = {text} }}", x_dims[0], x_dims[1], w_dims[0], w_dims[1]);
        let (mut model, view) = view(&source, &[("w", &w_dims)]);
        let factor = if text.starts_with("Gemm") { 0.5 } else { 1.0 };
        let expected: Vec<f32> = (0..4 * m)
            .map(|at| {
                let (p, o) = (at / m, at % m);
                let term = |i: usize| w[if k_first { i * m + o } else { o * k + i }] * x[if rows { p * k + i } else { i * 4 + p }];
                factor * (0..k).map(term).sum::<f32>()
            })
            .collect();
        let input = Tensor::from_f32(x_dims, &x);
        near(&computed(&model, &view, &input), &expected);
        // The output's rows are read the way they are computed.
        let left = text.contains("(w, x)");
        let laid: Vec<f32> = (0..8).map(|at| if left { expected[at % 4 * m + at / 4] } else { expected[at] }).collect();
        let mut seen = Vec::new();
        let dims: [u64; 2] = if left { [2, 4] } else { [4, 2] };
        view.add_outputs((&laid, &dims), 0, &[0, 1, 2, 3], &mut seen).unwrap();
        near(&seen, &expected);
        let doubled = view.weights(&model).unwrap().iter().map(|all| all.iter().map(|w| 2.0 * w).collect()).collect::<Vec<_>>();
        view.set_weights(&mut model, &doubled);
        let again = Contraction::of(&model, view.node).unwrap();
        near(&computed(&model, &again, &input), &expected.iter().map(|y| 2.0 * y).collect::<Vec<_>>());
    }
}

#[test]
fn what_others_read_stays_as_it_is_for_them() {
    let source = "g (float[N,2] x) => (float[N,2] y, float[N,2] z) <float[2,2] w, float[2] b> {
        p = MatMul(x, w)
        y = Add(b, p)
        z = Gemm(x, w, b)
    }";
    let (mut model, view) = view(source, &[("w", &[2, 2]), ("b", &[2])]);
    assert!(matches!(view.bias, Bias::Added { port: 0, .. }));
    let old = constant(&model, view.weight).unwrap();
    view.set_weights(&mut model, &[vec![1.0, 2.0, 3.0, 4.0]]);
    view.set_biases(&mut model, &[5.0, 6.0]);
    let nodes = model.nodes_in_order(Model::MAIN).unwrap();
    let again = Contraction::of(&model, nodes[0]).unwrap();
    assert_eq!(again.weights(&model).unwrap(), [[1.0, 2.0, 3.0, 4.0]]);
    assert_eq!(constant(&model, again.weight).unwrap().to_f64().unwrap(), [1.0, 3.0, 2.0, 4.0]);
    assert_eq!(again.biases(&model), [5.0, 6.0]);
    let other = Contraction::of(&model, nodes[2]).unwrap();
    assert!(constant(&model, other.weight).unwrap().same_content(&old) && other.biases(&model) != [5.0, 6.0]);
    assert_eq!(shrinx_ir::verify::verify(&model), vec![]);
}
