//! Units of one node in text, for tests.

use super::{Atoms, Span, Ties};
use crate::{Facts, OpTable};
use shrinx_ir::{Model, text};

/// What is tied in a graph of one or more nodes (opset 21), whose own inputs and outputs are taken to be free: units by `tensor axis[index]`, in the order of
/// the values named, those of one slice included.
pub(crate) fn units_of(values: &str, graph: &str) -> String {
    units_at(21, values, graph)
}

/// Likewise, at an opset version.
pub(crate) fn units_at(opset: i64, values: &str, graph: &str) -> String {
    let source = format!("<ir_version: 10, opset_import: [\"\": {opset}, \"com.microsoft\": 1]>\ng {graph}");
    let model = text::parse(&source).unwrap_or_else(|e| panic!("{e}"));
    let ops = OpTable::standard();
    let facts = Facts::infer(&model, &ops);
    assert_eq!(facts.problems(), []);
    let mut atoms = Atoms::open(&model, &facts);
    for node in model.nodes_in_order(Model::MAIN).expect("an order") {
        Ties::run(&model, &facts, &ops, node, &mut atoms);
    }
    atoms.settle(&model);
    let mut units: Vec<(u32, Vec<String>)> = Vec::new();
    for name in values.split(|c: char| !c.is_alphanumeric()).filter(|n| !n.is_empty()) {
        let value = model.find(Model::MAIN, name).expect("a value of this name");
        let axes: Vec<Span> = atoms.axes(value).expect("a rank").to_vec();
        for (axis, span) in axes.iter().enumerate() {
            for (index, atom) in span.atoms().enumerate() {
                let root = atoms.root(atom);
                if atoms.locked(atom).is_some() {
                    continue;
                }
                let slice = format!("{name}{axis}[{index}]");
                match units.iter_mut().find(|(r, _)| *r == root) {
                    Some((_, unit)) => unit.push(slice),
                    None => units.push((root, vec![slice])),
                }
            }
        }
    }
    units.iter().map(|(_, unit)| unit.join(" ")).collect::<Vec<_>>().join("; ")
}
