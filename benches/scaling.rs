//! Cost against size: building, ordering, compacting and writing chains and fans. Each doubling should double the time.

use shrinx::ir::{Model, ValueId, read_bytes, text, to_bytes};
use std::fmt::Write;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

const SIZES: [usize; 3] = [25_000, 50_000, 100_000];

/// `n` nodes in a row.
fn chain(n: usize) -> Vec<u8> {
    let mut nodes = String::new();
    for k in 0..n {
        let _ = writeln!(nodes, "v{} = Relu(v{k})", k + 1);
    }
    serialized(&format!("g (float[N] v0) => (float[N] v{n}) {{ {nodes} }}"))
}

/// One value with `n` readers.
fn fan(n: usize) -> Vec<u8> {
    let mut nodes = String::new();
    let mut names = Vec::new();
    for k in 0..n {
        let _ = writeln!(nodes, "v{k} = Relu(x)");
        names.push(format!("v{k}"));
    }
    serialized(&format!("g (float[N] x) => (float[N] y) {{ {nodes} y = Sum({}) }}", names.join(",")))
}

fn serialized(source: &str) -> Vec<u8> {
    to_bytes(&text::parse(source).expect("a sound text")).expect("a sound model").to_vec()
}

fn model(bytes: &[u8]) -> Model {
    read_bytes(bytes.to_vec()).expect("a sound model")
}

/// Half of the nodes are bypassed.
fn thin_out(model: &mut Model) {
    let nodes: Vec<_> = model.nodes().step_by(2).collect();
    for node in nodes {
        let (input, output): (Option<ValueId>, Option<ValueId>) = (model.input(node, 0), model.outputs(node)[0]);
        if let (Some(input), Some(output)) = (input, output)
            && !model.is_output(output)
        {
            model.replace_uses(output, input);
            model.kill(node);
        }
    }
}

#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod shapes {
    use super::{SIZES, chain, fan, model, thin_out, to_bytes};
    use divan::Bencher;

    #[divan::bench(args = SIZES)]
    fn build_chain(bencher: Bencher<'_, '_>, n: usize) {
        let bytes = chain(n);
        bencher.bench(|| model(&bytes));
    }

    #[divan::bench(args = SIZES)]
    fn build_fan(bencher: Bencher<'_, '_>, n: usize) {
        let bytes = fan(n);
        bencher.bench(|| model(&bytes));
    }

    #[divan::bench(args = SIZES)]
    fn order_chain(bencher: Bencher<'_, '_>, n: usize) {
        let model = model(&chain(n));
        bencher.bench(|| model.nodes_in_order(shrinx::ir::Model::MAIN));
    }

    #[divan::bench(args = SIZES)]
    fn edit_and_compact_chain(bencher: Bencher<'_, '_>, n: usize) {
        let bytes = chain(n);
        bencher.with_inputs(|| model(&bytes)).bench_refs(|model| {
            thin_out(model);
            model.compact();
        });
    }

    #[divan::bench(args = SIZES)]
    fn edit_and_compact_fan(bencher: Bencher<'_, '_>, n: usize) {
        let bytes = fan(n);
        bencher.with_inputs(|| model(&bytes)).bench_refs(|model| {
            thin_out(model);
            model.compact();
        });
    }

    #[divan::bench(args = SIZES)]
    fn write_chain(bencher: Bencher<'_, '_>, n: usize) {
        let model = model(&chain(n));
        bencher.bench(|| to_bytes(&model));
    }
}
