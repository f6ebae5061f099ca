//! What a model consists of, counted.

use shrinx_rewrite::ir::{AttributeValue, Dim, Model, Tensor, TensorData};
use shrinx_rewrite::ops::{Facts, Inference, OpTable, costs::lengths_of};
use std::collections::BTreeMap;

pub use shrinx_rewrite::ops::costs::SAMPLE_LENGTH;

/// Counts of a model.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Nodes, bodies and functions included, `Constant` excluded.
    pub nodes: usize,
    /// Nodes by operator, `Constant` included.
    pub ops: BTreeMap<String, usize>,
    /// Elements of floating point constants.
    pub params: u64,
    /// Multiply-accumulates of one run, as a polynomial in the symbolic lengths of the inputs.
    pub macs: Option<String>,
    /// The same where lengths that stand first in an input are 1, and other unknown ones [`SAMPLE_LENGTH`].
    pub macs_sample: Option<i64>,
    /// Nodes whose multiply-accumulates are not known.
    pub macs_unknown: usize,
    /// Bytes of stored constants by element type.
    pub bytes: BTreeMap<String, u64>,
    /// Inputs: name and type, in ONNX's textual syntax.
    pub inputs: Vec<(String, String)>,
    /// Outputs: name and type, likewise.
    pub outputs: Vec<(String, String)>,
    /// Operator sets: domain and version.
    pub opsets: Vec<(String, i64)>,
    /// IR version.
    pub ir_version: Option<i64>,
    /// Producer and its version.
    pub producer: String,
    /// Local functions.
    pub functions: usize,
}

impl Summary {
    /// Counts a model.
    pub fn of(model: &Model, ops: &OpTable) -> Self {
        let mut summary = Self { functions: model.functions().count(), ir_version: model.header().ir_version, ..Self::default() };
        summary.count_nodes(model);
        summary.count_macs(model, ops);
        let main = model.scope(Model::MAIN);
        let entry = |d: &shrinx_rewrite::ir::Declaration| {
            (model.name(d.value).to_string(), d.ty.as_ref().map_or(String::new(), ToString::to_string))
        };
        summary.inputs = main.inputs().iter().filter(|d| model.constant(d.value).is_none()).map(entry).collect();
        summary.outputs = main.outputs().iter().map(entry).collect();
        let opset = |o: &shrinx_rewrite::ir::Opset| (o.domain.clone().unwrap_or_default(), o.version.unwrap_or(0));
        summary.opsets = model.header().opsets.iter().map(opset).collect();
        let parts = [&model.header().producer_name, &model.header().producer_version];
        summary.producer = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        summary
    }

    fn count_nodes(&mut self, model: &Model) {
        for id in model.nodes() {
            let node = model.node(id);
            *self.ops.entry(node.op.to_string()).or_default() += 1;
            self.nodes += usize::from(!node.is("Constant"));
            for attribute in &node.attributes {
                match &attribute.value {
                    AttributeValue::Tensor(t) | AttributeValue::SparseTensor(t) => self.count_tensor(t),
                    AttributeValue::Tensors(all) | AttributeValue::SparseTensors(all) => all.iter().for_each(|t| self.count_tensor(t)),
                    _ => {}
                }
            }
        }
        for value in model.values() {
            if let Some(tensor) = &model.value(value).initializer {
                self.count_tensor(tensor);
            }
        }
    }

    fn count_tensor(&mut self, tensor: &Tensor) {
        if matches!(tensor.data, TensorData::Elided(_)) {
            return;
        }
        if tensor.dtype.holds_parameters() {
            self.params += tensor.len() as u64;
        }
        *self.bytes.entry(tensor.dtype.name().into()).or_default() += tensor.byte_len();
    }

    fn count_macs(&mut self, model: &Model, ops: &OpTable) {
        let mut facts = Facts::infer(model, ops);
        let mut total = Some(Dim::Known(0));
        for node in model.nodes() {
            let Some(macs) = ops.of(model, node).macs else { continue };
            match macs(&mut Inference::of(model, &mut facts, node)) {
                Some(dim) => total = total.and_then(|t| t.add(&dim)),
                None => self.macs_unknown += 1,
            }
        }
        let Some(total) = total else { return };
        self.macs_sample = facts.symbols.evaluate(&total, &lengths_of(model, &facts, SAMPLE_LENGTH));
        self.macs = Some(facts.symbols.show(&total)).filter(|_| total.symbols().iter().all(|s| facts.symbols.name(*s).is_some()));
    }
}
