//! Initializers of which a text gives only the type: `<float[8,4] W>`.
//!
//! ONNX's syntax lists them like the types of intermediate values. What is listed, made by nothing and read by something is an initializer whose content is
//! not known.

use super::tensor;
use crate::{
    build::{DeclarationDraft, GraphDraft},
    tensor::Tensor,
    value::ValueType,
};
use rustc_hash::FxHashSet;

/// Turns such declarations of a graph and its bodies into initializers.
pub(super) fn adopt(graph: &mut GraphDraft) {
    adopt_within(graph, &mut Vec::new());
}

/// Turns such declarations in the bodies of a function into initializers; the function itself has none.
pub(super) fn adopt_in_function(function: &mut GraphDraft) {
    let known = made(function);
    adopt_in_bodies(function, known, &mut Vec::new());
}

fn adopt_within(graph: &mut GraphDraft, around: &mut Vec<FxHashSet<String>>) {
    let mut known = made(graph);
    let unknown = |name: &String, known: &FxHashSet<String>| !known.contains(name) && !around.iter().any(|names| names.contains(name));
    if graph.value_info.iter().any(|info| unknown(&info.name, &known)) {
        let read = reads(graph);
        for info in std::mem::take(&mut graph.value_info) {
            let wanted = |ty: &&ValueType| ty.as_tensor().is_some() && read.contains(&info.name) && unknown(&info.name, &known);
            let content = info.ty.as_ref().filter(wanted).and_then(tensor::of_type);
            match content {
                Some(content) => {
                    let DeclarationDraft { name, doc, metadata, .. } = info;
                    known.insert(name.clone());
                    graph.initializers.push((name, Tensor { doc, metadata, ..content }));
                }
                None => graph.value_info.push(info),
            }
        }
    }
    adopt_in_bodies(graph, known, around);
}

fn adopt_in_bodies(graph: &mut GraphDraft, known: FxHashSet<String>, around: &mut Vec<FxHashSet<String>>) {
    around.push(known);
    graph.nodes.iter_mut().flat_map(|n| &mut n.attributes).flat_map(|a| &mut a.graphs).for_each(|body| adopt_within(body, around));
    around.pop();
}

fn bodies(graph: &GraphDraft) -> impl Iterator<Item = &GraphDraft> {
    graph.nodes.iter().flat_map(|n| &n.attributes).flat_map(|a| &a.graphs)
}

/// The names that inputs, content and nodes of a graph give.
fn made(graph: &GraphDraft) -> FxHashSet<String> {
    let inputs = graph.inputs.iter().map(|d| &d.name);
    inputs.chain(graph.initializers.iter().map(|(name, _)| name)).chain(graph.nodes.iter().flat_map(|n| &n.outputs)).cloned().collect()
}

/// The names that a graph reads, itself or through its bodies, those that its bodies make themselves left out.
fn reads(graph: &GraphDraft) -> FxHashSet<String> {
    let mut all: FxHashSet<String> =
        graph.nodes.iter().flat_map(|n| &n.inputs).chain(graph.outputs.iter().map(|d| &d.name)).cloned().collect();
    for body in bodies(graph) {
        let inner = made(body);
        let captured = reads(body);
        all.extend(captured.difference(&inner).cloned());
    }
    all
}

#[cfg(test)]
mod tests {
    use crate::{Model, TensorData, text};

    #[test]
    fn what_is_listed_and_read_becomes_an_initializer() {
        let source = "g (float[N,8] x, bool c) => (float[N,4] y, float[2] k) <float[8,4] W, float[2] k, float[3] unread, float[N,4] y> {\n  y = If(c) <then_branch = t () => (z) <float[8,4] W, float[N,4] z> {\n  z = MatMul(x, W)\n}, else_branch = e () => (y2) <float[8,4] V> {\n  y2 = MatMul(x, V)\n}>\n}";
        let model = text::parse(source).unwrap();
        let names = |scope| model.scope(scope).initializers().iter().map(|v| model.name(*v).to_string()).collect::<Vec<_>>();
        let scopes: Vec<_> = model.scopes().collect();
        assert_eq!(scopes.iter().map(|s| names(*s)).collect::<Vec<_>>(), [vec!["W", "k"], vec![], vec!["V"]]);
        let w = model.find(Model::MAIN, "W").unwrap();
        assert_eq!(
            model.value(w).initializer.as_ref().map(|t| (t.dims.clone(), t.data.clone())),
            Some((vec![8, 4], TensorData::Elided(String::new())))
        );
        let printed = text::print(&model);
        assert_eq!(text::print(&text::parse(&printed).unwrap()), printed);
    }

    #[test]
    fn a_length_without_a_number_makes_no_initializer() {
        let error = text::parse("g (float[N] x) => (float[N] y) <float[M] W> {\n  y = Add(x, W)\n}").unwrap_err();
        assert_eq!(error.to_string(), "node (Add) reads `W`, which nothing makes");
    }
}
