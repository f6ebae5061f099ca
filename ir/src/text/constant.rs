//! Constants among the inputs of a node: `Clip(x, 0.0, 6.0)`, `Reshape(x, [0, -1])`, `Add(x, float[64,1,1] #1f2e3d4c)`.
//!
//! An ours-only short form of a `Constant` node whose output is read once, in the same scope: without it a model that keeps its weights in such nodes is
//! twice as long. The names of node, value and tensor are lost.
//!
//! A float or int64 of rank 0 or 1 needs no type; int64 numbers have neither point nor exponent.

use super::{
    lex::{Number, Parsed, Parser},
    tensor::{self, Style},
};
use crate::{
    attribute::{Attribute, AttributeValue},
    build::{AttributeDraft, NodeDraft},
    dtype::DataType,
    model::{Model, NodeId, ValueId},
    node::{CONSTANT, Node, OpName},
    tensor::Tensor,
};

const VALUE: &str = "value";

/// The content of a value that is to be written where it is read.
pub(super) fn operand(model: &Model, value: ValueId, style: Style) -> Option<&Tensor> {
    let (node, _) = model.producer(value).filter(|_| model.use_count(value) == 1 && !model.is_output(value))?;
    let (reader, _) = model.uses(value).next()?;
    if model.node(reader).scope() == model.node(node).scope() { content(model.node(node), style) } else { None }
}

/// Whether a node is written where its output is read.
pub(super) fn is_operand(model: &Model, node: NodeId, style: Style) -> bool {
    // Cheap first: few nodes are constants.
    content(model.node(node), style).is_some()
        && model.outputs(node).first().copied().flatten().is_some_and(|output| operand(model, output, style).is_some())
}

fn content(node: &Node, style: Style) -> Option<&Tensor> {
    let plain = node.is(CONSTANT) && node.input_count() == 0 && node.output_count() == 1;
    let [Attribute { name, value: AttributeValue::Tensor(tensor), doc, .. }] = node.attributes.as_slice() else { return None };
    let docs = [&node.doc, doc, &tensor.doc];
    let noted = style.notes && (docs.iter().any(|d| d.is_some()) || !node.metadata.is_empty() || !tensor.metadata.is_empty());
    (plain && !noted && name == VALUE && tensor::has_content(tensor)).then_some(tensor)
}

/// Writes a constant among the inputs of a node.
pub(super) fn write(out: &mut String, constant: &Tensor, style: Style) {
    let elements = tensor::elements(constant, style.inline).filter(|e| {
        let bare = matches!(constant.dtype, DataType::Float | DataType::Int64) && constant.rank() < 2;
        bare && !e.is_empty() && !e.contains(char::is_alphabetic)
    });
    match elements {
        Some(elements) if constant.rank() == 0 => out.push_str(&elements),
        Some(elements) => {
            out.push('[');
            out.push_str(&elements);
            out.push(']');
        }
        None => tensor::write(out, &Tensor { name: None, ..constant.clone() }, style),
    }
}

/// The node that makes `name` of a constant.
fn node(name: String, tensor: Tensor) -> NodeDraft {
    let attributes = vec![AttributeDraft { attribute: Attribute::new(VALUE, tensor), graphs: Vec::new() }];
    NodeDraft { node: Node::new(OpName::onnx(CONSTANT), Vec::new()), inputs: Vec::new(), outputs: vec![name], attributes }
}

impl Parser<'_> {
    /// Takes a constant, if one is next, and adds the node that makes it; its name is made up.
    pub(super) fn operand(&mut self, nodes: &mut Vec<NodeDraft>) -> Parsed<Option<String>> {
        let tensor = match self.peek() {
            Some(b'0'..=b'9' | b'-') => {
                let number = self.number()?;
                self.numbers(&[number], vec![])?
            }
            Some(b'[') => {
                self.expect("[")?;
                let mut all = Vec::new();
                self.list("]", |p| {
                    all.push(p.number()?);
                    Ok(())
                })?;
                self.numbers(&all, vec![all.len() as u64])?
            }
            _ if self.tensor_is_next() => {
                let (at, ty) = (self.place(), self.ty()?);
                self.tensor(&ty, at)?
            }
            _ => return Ok(None),
        };
        let name = self.made_up_name();
        nodes.push(node(name.clone(), tensor));
        Ok(Some(name))
    }

    fn numbers(&self, all: &[Number<'_>], dims: Vec<u64>) -> Parsed<Tensor> {
        let dtype = if all.iter().all(|n| n.whole) { DataType::Int64 } else { DataType::Float };
        tensor::of_numbers(dtype, dims, all).map_err(|at| self.expected_at(at, format_args!("a number of type {dtype}")))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Model, text};

    #[test]
    fn constants_stand_where_they_are_read() {
        let source = "g (float[N,4] x) => (float[?] y) {\n  a = Clip(x, 0.0, 6.0)\n  b = Reshape(a, [0, -1])\n  c = Gather(b, 3)\n  \
                      d = Add(c, float {inf})\n  e = Mul(d, float[64,1,1] #01234567)\n  float = Pow(e, int32[1] {2})\n  y = Neg(float)\n}\n";
        let model = text::parse(source).unwrap();
        let options = text::TextOptions { header: false, ..text::TextOptions::default() };
        assert_eq!(model.nodes_in(Model::MAIN).count(), 7 + 7);
        assert_eq!(text::print_with(&model, &options), source.replace("float =", "\"float\" =").replace("(float)", "(\"float\")"));
        let named = text::print_with(&model, &text::TextOptions { operands: false, ..options });
        assert!(named.contains("  constant_0 = Constant() <value = float {0.0}>\n  constant_1 = Constant() <value = float {6.0}>\n  a = Clip(x, constant_0, constant_1)\n"));
    }

    #[test]
    fn a_constant_that_is_read_twice_has_a_name() {
        let source = "g (float x) => (float y) {\n  c = Constant() <value = float {1.0}>\n  y = Sum(x, c, c)\n}\n";
        let options = text::TextOptions { header: false, ..text::TextOptions::default() };
        assert_eq!(text::print_with(&text::parse(source).unwrap(), &options), source);
    }

    #[test]
    fn made_up_names_are_free() {
        let model = text::parse("g (float constant_0) => (float y) {\n  y = Add(constant_0, 1.0)\n}").unwrap();
        assert!(model.find(Model::MAIN, "constant__0").is_some());
        assert!(text::parse("g () => (y) {\n  y = Add([], [1, a])\n}").is_err());
    }
}
