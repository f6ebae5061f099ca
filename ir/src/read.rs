//! From bytes to a model.
//!
//! The file is mapped, checked by the scanner of `shrinx-proto`, decoded by prost (tensors alias the mapping), and turned into drafts that
//! `build` makes into scopes. Nothing is believed: lengths, types and names are checked here, once.

mod attribute;
mod fault;
mod tensor;
mod types;

pub use fault::{ReadError, ReadFault};

use crate::{
    attribute::AttributeValue,
    build::{self, AttributeDraft, DeclarationDraft, GraphDraft, NodeDraft},
    external::ExternalFiles,
    mapped::MappedFile,
    model::{Function, Header, Model, Opset, ScopeKind},
    node::{Node, OpName},
    tensor::Tensor,
    value::Metadata,
};
use bytes::Bytes;
use shrinx_proto::{Message, onnx, scan};
use std::path::{Path, PathBuf};

/// How to read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Folders outside the model's own whose files external data may name, through links too.
    pub allow_dirs: Vec<PathBuf>,
}

/// Reads a model file. External data is looked for in the file's folder.
pub fn read_file(path: &Path, options: &ReadOptions) -> Result<Model, ReadError> {
    let named = |fault| ReadError { file: path.display().to_string(), fault };
    let folder = path.parent().unwrap_or(Path::new(""));
    let io = |e| named(ReadFault::Io(e));
    if path.is_dir() {
        return Err(named(ReadFault::Folder));
    }
    let file = std::fs::File::open(path).map_err(io)?;
    if !file.metadata().map_err(io)?.is_file() {
        let bytes = std::fs::read(path).map_err(io)?;
        return read(bytes.into(), Some(folder), options).map_err(named);
    }
    let mapped = MappedFile::new(file, path.to_path_buf()).map_err(io)?;
    let mut model = read(mapped.bytes.clone(), Some(folder), options).map_err(named)?;
    model.files.insert(0, mapped);
    Ok(model)
}

/// Reads a model from memory. External data is refused, for want of a folder.
pub fn read_bytes(bytes: impl Into<Bytes>) -> Result<Model, ReadError> {
    read(bytes.into(), None, &ReadOptions::default()).map_err(|fault| ReadError { file: "<memory>".into(), fault })
}

/// Reads a `TensorProto` by itself, as ONNX keeps test data. External data is refused.
pub fn read_tensor(bytes: impl Into<Bytes>) -> Result<Tensor, ReadFault> {
    let proto = onnx::TensorProto::decode(bytes.into()).map_err(|e| ReadFault::Decode(e.to_string()))?;
    Reader { files: ExternalFiles::new(None, &[]) }.tensor(proto, "the tensor")
}

fn read(bytes: Bytes, folder: Option<&Path>, options: &ReadOptions) -> Result<Model, ReadFault> {
    if bytes.is_empty() {
        return Err(ReadFault::Empty);
    }
    scan::check(&bytes).map_err(|fault| fault::of_scan(fault, bytes.len()))?;
    let proto = onnx::ModelProto::decode(bytes).map_err(|e| ReadFault::Decode(e.to_string()))?;
    let mut reader = Reader { files: ExternalFiles::new(folder, &options.allow_dirs) };
    let mut model = reader.model(proto)?;
    model.has_external_data = !reader.files.files.is_empty();
    model.files = reader.files.files;
    model.restore(0);
    Ok(model)
}

pub(crate) struct Reader<'a> {
    files: ExternalFiles<'a>,
}

impl Reader<'_> {
    fn model(&mut self, proto: onnx::ModelProto) -> Result<Model, ReadFault> {
        let graph = proto.graph.ok_or(ReadFault::NoGraph)?;
        if proto.opset_import.is_empty() && proto.ir_version.unwrap_or(0) >= 3 {
            return Err(ReadFault::NoOpset);
        }
        let mut model = Model::new(Header {
            ir_version: proto.ir_version,
            opsets: opsets(proto.opset_import),
            producer_name: proto.producer_name,
            producer_version: proto.producer_version,
            domain: proto.domain,
            model_version: proto.model_version,
            doc: proto.doc_string,
            metadata: metadata(proto.metadata_props),
            training_info: proto.training_info.iter().map(|t| t.encode_to_vec().into()).collect(),
            configuration: proto.configuration.iter().map(|t| t.encode_to_vec().into()).collect(),
        });
        let draft = self.graph(graph)?;
        build::build(&mut model, Model::MAIN, draft)?;
        for function in proto.functions {
            self.function(&mut model, function)?;
        }
        Ok(model)
    }

    fn function(&mut self, model: &mut Model, proto: onnx::FunctionProto) -> Result<(), ReadFault> {
        let place = format!("function `{}`", proto.name.as_deref().unwrap_or(""));
        let defaults = proto.attribute_proto.into_iter().map(|a| self.attribute(a, &place)).collect::<Result<Vec<_>, _>>()?;
        if defaults.iter().any(|d| !d.graphs.is_empty()) {
            return Err(ReadFault::Attribute { place, name: String::new(), problem: "a graph as a default" });
        }
        let header = Function {
            domain: proto.domain,
            name: proto.name,
            overload: proto.overload,
            opsets: opsets(proto.opset_import),
            attributes: proto.attribute,
            attribute_defaults: defaults.into_iter().map(|d| d.attribute).collect(),
        };
        let by_name = |name: String| DeclarationDraft { name, ..DeclarationDraft::default() };
        let draft = GraphDraft {
            doc: proto.doc_string,
            metadata: metadata(proto.metadata_props),
            inputs: proto.input.into_iter().map(by_name).collect(),
            outputs: proto.output.into_iter().map(by_name).collect(),
            value_info: declarations(proto.value_info)?,
            nodes: self.nodes(proto.node)?,
            ..GraphDraft::default()
        };
        let scope = model.add_scope(ScopeKind::Function(Box::new(header)), None);
        Ok(build::build(model, scope, draft)?)
    }

    fn graph(&mut self, proto: onnx::GraphProto) -> Result<GraphDraft, ReadFault> {
        let mut initializers = Vec::with_capacity(proto.initializer.len() + proto.sparse_initializer.len());
        for mut tensor in proto.initializer {
            let name = tensor.name.take().unwrap_or_default();
            let tensor = self.tensor(tensor, &format!("initializer `{name}`"))?;
            initializers.push((name, tensor));
        }
        for mut sparse in proto.sparse_initializer {
            let name = sparse.values.as_mut().and_then(|v| v.name.take()).unwrap_or_default();
            let tensor = self.sparse(sparse, &format!("initializer `{name}`"))?;
            initializers.push((name, tensor));
        }
        let annotation = |a: onnx::TensorAnnotation| (a.tensor_name, metadata(a.quant_parameter_tensor_names));
        Ok(GraphDraft {
            name: proto.name,
            doc: proto.doc_string,
            metadata: metadata(proto.metadata_props),
            inputs: declarations(proto.input)?,
            outputs: declarations(proto.output)?,
            value_info: declarations(proto.value_info)?,
            initializers,
            quantization: proto.quantization_annotation.into_iter().map(annotation).collect(),
            nodes: self.nodes(proto.node)?,
        })
    }

    fn nodes(&mut self, all: Vec<onnx::NodeProto>) -> Result<Vec<NodeDraft>, ReadFault> {
        let mut drafts = Vec::with_capacity(all.len());
        for (k, proto) in all.into_iter().enumerate() {
            let op = proto.op_type.filter(|op| !op.is_empty()).ok_or(ReadFault::NoOp { index: k })?;
            let mut node = Node::new(OpName { domain: proto.domain, op }, Vec::new());
            (node.name, node.overload, node.doc) = (proto.name, proto.overload, proto.doc_string);
            node.metadata = metadata(proto.metadata_props);
            node.devices = proto.device_configurations.iter().map(|d| d.encode_to_vec().into()).collect();
            let attributes = proto.attribute.into_iter().map(|a| self.attribute(a, &build::describe(&node))).collect::<Result<_, _>>()?;
            drafts.push(NodeDraft { node, inputs: proto.input, outputs: proto.output, attributes });
        }
        Ok(drafts)
    }

    fn attribute(&mut self, proto: onnx::AttributeProto, place: &str) -> Result<AttributeDraft, ReadFault> {
        attribute::read(self, proto, place)
    }
}

fn declarations(all: Vec<onnx::ValueInfoProto>) -> Result<Vec<DeclarationDraft>, ReadFault> {
    let one = |proto: onnx::ValueInfoProto| {
        let name = proto.name.unwrap_or_default();
        let ty = proto.r#type.map(|t| types::value_type(t, &name)).transpose()?;
        Ok(DeclarationDraft { name, ty, doc: proto.doc_string, metadata: metadata(proto.metadata_props) })
    };
    all.into_iter().map(one).collect()
}

fn opsets(all: Vec<onnx::OperatorSetIdProto>) -> Vec<Opset> {
    all.into_iter().map(|o| Opset { domain: o.domain, version: o.version }).collect()
}

pub(crate) fn metadata(all: Vec<onnx::StringStringEntryProto>) -> Metadata {
    all.into_iter().map(|e| (e.key, e.value)).collect()
}

/// The value of an attribute that holds graphs, until the graphs are built.
const GRAPH_PLACE: AttributeValue = AttributeValue::Graph(Model::MAIN);
