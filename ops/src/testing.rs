//! Facts of graphs in text, for tests.

use crate::{Call, Fact, Facts, Fold, Inference, OpTable};
use shrinx_ir::{Dim, Model, Tensor, TensorData, text};

/// What is inferred of the outputs of a graph (opset 21): `float[N,4]; int64[2] = {N, 4}`. Or, after `!`, what is wrong.
pub(crate) fn facts_of(graph: &str) -> String {
    facts_at(21, graph)
}

/// Likewise, at an opset version.
pub(crate) fn facts_at(opset: i64, graph: &str) -> String {
    let model = parse(opset, graph);
    let facts = Facts::infer(&model, &OpTable::standard());
    if let Some((node, problem)) = facts.problems().first() {
        return format!("! {node}: {problem}");
    }
    let outputs = model.scope(Model::MAIN).outputs();
    outputs.iter().map(|o| show(&facts, facts.of(o.value))).collect::<Vec<_>>().join("; ")
}

/// What the only node of a graph (opset 21) with constant inputs is folded to: `int64[2] = {1, 2}`. A question mark where it is not folded.
pub(crate) fn folded(graph: &str) -> String {
    folded_at(21, graph)
}

/// Likewise, at an opset version.
pub(crate) fn folded_at(opset: i64, graph: &str) -> String {
    let model = parse(opset, graph);
    let node = model.nodes().next().expect("a node");
    let inputs: Vec<Option<Tensor>> = model.inputs(node).iter().map(|v| model.constant((*v)?).cloned()).collect();
    let fold = Fold { call: Call { node: model.node(node), opset }, inputs: &inputs, max_elements: 1000 };
    let made = OpTable::standard().of(&model, node).fold.expect("a kernel")(&fold);
    made.map_or("?".into(), |all| all.iter().map(content).collect::<Vec<_>>().join("; "))
}

fn content(tensor: &Tensor) -> String {
    let list = |all: Vec<String>| all.join(", ");
    let elements = match &tensor.data {
        TensorData::Strings(all) => list(all.iter().map(|s| format!("{:?}", String::from_utf8_lossy(s))).collect()),
        _ => tensor
            .to_integers()
            .map(|all| list(all.iter().map(ToString::to_string).collect()))
            .or_else(|| Some(list(tensor.to_f64()?.iter().map(ToString::to_string).collect())))
            .expect("numbers"),
    };
    let dims: Vec<String> = tensor.dims.iter().map(ToString::to_string).collect();
    format!("{}[{}] = {{{elements}}}", tensor.dtype, dims.join(","))
}

/// Multiplications of each node of a graph (opset 21), in order.
pub(crate) fn macs_of(graph: &str) -> String {
    let (model, ops) = (parse(21, graph), OpTable::standard());
    let mut facts = Facts::infer(&model, &ops);
    let order = model.nodes_in_order(Model::MAIN).expect("an order");
    let mut macs = |node| ops.of(&model, node).macs?(&mut Inference::of(&model, &mut facts, node));
    let all: Vec<Option<Dim>> = order.into_iter().map(&mut macs).collect();
    all.iter().map(|m| m.as_ref().map_or("?".into(), |m| facts.symbols.show(m))).collect::<Vec<_>>().join("; ")
}

fn parse(opset: i64, graph: &str) -> Model {
    let source = format!("<ir_version: 10, opset_import: [\"\": {opset}, \"com.microsoft\": 1]>\n{graph}");
    text::parse(&source).unwrap_or_else(|e| panic!("{e}"))
}

fn show(facts: &Facts, fact: &Fact) -> String {
    let list = |dims: &[Dim], comma: &str| dims.iter().map(|d| facts.symbols.show(d)).collect::<Vec<_>>().join(comma);
    let dtype = fact.dtype.map_or("?".into(), |t| t.to_string());
    let shape = fact.shape.as_ref().map_or("?".into(), |s| list(s, ","));
    let contents = fact.contents.as_ref().map_or(String::new(), |c| format!(" = {{{}}}", list(c, ", ")));
    format!("{dtype}[{shape}]{contents}")
}
