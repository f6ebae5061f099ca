//! From a model to text: one node a line, bodies indented below the line of their node.

use super::{
    TextOptions, attribute, constant, note, spell,
    tensor::{self, Style},
    types,
};
use crate::{
    attribute::{Attribute, AttributeValue},
    model::{Function, Header, Model, NodeId, Opset, ScopeId, ScopeKind, ValueId},
    tensor::Tensor,
    value::{Declaration, Metadata},
};
use std::fmt::Write;

/// Lists of inputs and outputs up to this many bytes stand on one line.
const LINE: usize = 120;

pub(super) struct Printer<'a> {
    model: &'a Model,
    style: Style,
    /// Nodes only, on one line each: bodies are not written.
    brief: bool,
    operands: bool,
    depth: usize,
    out: String,
}

impl<'a> Printer<'a> {
    pub(super) fn new(model: &'a Model, options: &TextOptions) -> Self {
        Self {
            model,
            style: Style { inline: options.inline, notes: options.notes },
            brief: false,
            operands: options.operands,
            depth: 0,
            out: String::new(),
        }
    }

    /// A printer of single lines.
    pub(super) fn brief(model: &'a Model) -> Self {
        let options = TextOptions { notes: false, ..TextOptions::default() };
        Self { brief: true, ..Self::new(model, &options) }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn model(&mut self, header: bool) {
        if header {
            self.header();
        }
        self.scope(Model::MAIN);
        for (scope, _) in self.model.functions() {
            self.scope(scope);
        }
    }

    /// Writes a graph, body or function, and ends its line.
    pub(super) fn scope(&mut self, scope: ScopeId) {
        match &self.model.scope(scope).kind {
            ScopeKind::Function(function) => self.function(scope, function),
            ScopeKind::Main | ScopeKind::Body(_) => self.graph(scope),
        }
        self.out.push('\n');
    }

    fn header(&mut self) {
        let header: &Header = self.model.header();
        let mut fields = Fields::default();
        fields.number("ir_version", header.ir_version);
        fields.opsets(&header.opsets);
        fields.string("producer_name", header.producer_name.as_deref());
        fields.string("producer_version", header.producer_version.as_deref());
        fields.string("domain", header.domain.as_deref());
        fields.number("model_version", header.model_version);
        fields.string("doc_string", header.doc.as_deref());
        fields.metadata(&header.metadata);
        self.fields(&fields);
    }

    fn fields(&mut self, fields: &Fields) {
        self.lines("<", &fields.0, ">");
        self.out.push('\n');
    }

    /// Writes items on a line each, between marks.
    fn lines(&mut self, open: &str, items: &[String], close: &str) {
        self.out.push_str(open);
        for (k, item) in items.iter().enumerate() {
            self.out.push_str(if k == 0 { "\n" } else { ",\n" });
            self.indent(1);
            self.out.push_str(item);
        }
        if !items.is_empty() {
            self.out.push('\n');
            self.indent(0);
        }
        self.out.push_str(close);
    }

    fn indent(&mut self, more: usize) {
        self.out.extend(std::iter::repeat_n("  ", self.depth + more));
    }

    fn graph(&mut self, scope: ScopeId) {
        let graph = self.model.scope(scope);
        spell::name(&mut self.out, graph.name.as_deref().unwrap_or(""));
        self.out.push(' ');
        self.declarations(graph.inputs());
        self.out.push_str(" => ");
        self.declarations(graph.outputs());
        let (known, unknown): (Vec<_>, Vec<_>) = graph
            .initializers()
            .iter()
            .map(|v| self.model.value(*v))
            .filter(|v| v.alive)
            .filter_map(|v| Some((&v.name, v.initializer.as_ref()?)))
            .partition(|(_, tensor)| tensor::has_content(tensor));
        let mut listed = Vec::new();
        for (name, content) in known.into_iter().chain(unknown) {
            let mut item = String::new();
            tensor::write_initializer(&mut item, name, content, self.style);
            listed.push(item);
        }
        self.body(scope, listed);
    }

    fn function(&mut self, scope: ScopeId, function: &Function) {
        let graph = self.model.scope(scope);
        let mut fields = Fields::default();
        fields.string("domain", function.domain.as_deref());
        fields.opsets(&function.opsets);
        fields.string("overload", function.overload.as_deref());
        fields.string("doc_string", graph.doc.as_deref());
        fields.metadata(if self.style.notes { &graph.metadata } else { const { &Metadata::new() } });
        if !fields.0.is_empty() {
            self.fields(&fields);
        }
        spell::name(&mut self.out, function.name.as_deref().unwrap_or(""));
        if !(function.attributes.is_empty() && function.attribute_defaults.is_empty()) {
            self.out.push_str(" <");
            for (k, name) in function.attributes.iter().enumerate() {
                self.comma(k);
                spell::name(&mut self.out, name);
            }
            for (k, default) in function.attribute_defaults.iter().enumerate() {
                self.comma(k + function.attributes.len());
                self.attribute(default);
            }
            self.out.push('>');
        }
        self.out.push(' ');
        self.declarations(graph.inputs());
        self.out.push_str(" => ");
        self.declarations(graph.outputs());
        self.body(scope, Vec::new());
    }

    /// Writes what is listed, with the types of intermediate values, and the nodes.
    fn body(&mut self, scope: ScopeId, mut listed: Vec<String>) {
        let graph = self.model.scope(scope);
        let declared = graph.value_info.iter().filter(|d| self.model.value(d.value).alive && self.operand(d.value).is_none());
        listed.extend(declared.map(|d| self.declaration(d)));
        if !listed.is_empty() {
            self.lines(" <", &listed, ">");
        }
        if self.style.notes && !matches!(graph.kind, ScopeKind::Function(_)) {
            note::write(&mut self.out, graph.doc.as_deref(), &graph.metadata, &graph.quantization);
        }
        self.out.push_str(" {\n");
        self.depth += 1;
        for node in self.model.nodes_in_order(scope).unwrap_or_else(|_| self.model.nodes_in_file_order(scope)) {
            if !(self.operands && constant::is_operand(self.model, node, self.style)) {
                self.indent(0);
                self.node(node);
                self.out.push('\n');
            }
        }
        self.depth -= 1;
        self.indent(0);
        self.out.push('}');
    }

    fn declarations(&mut self, all: &[Declaration]) {
        let items: Vec<String> = all.iter().filter(|d| self.model.value(d.value).alive).map(|d| self.declaration(d)).collect();
        if items.iter().map(|item| item.len() + 2).sum::<usize>() > LINE {
            self.lines("(", &items, ")");
        } else {
            let _ = write!(self.out, "({})", items.join(", "));
        }
    }

    fn declaration(&self, declaration: &Declaration) -> String {
        let mut out = String::new();
        if let Some(ty) = &declaration.ty {
            types::write(&mut out, ty, self.style.notes);
            out.push(' ');
        }
        spell::name(&mut out, self.model.name(declaration.value));
        if self.style.notes {
            note::write(&mut out, declaration.doc.as_deref(), &declaration.metadata, &[]);
        }
        out
    }

    /// Writes a node, without the end of its line.
    pub(super) fn node(&mut self, id: NodeId) {
        let node = self.model.node(id);
        if let Some(name) = node.name.as_deref().filter(|n| !n.is_empty()) {
            self.out.push('[');
            spell::name(&mut self.out, name);
            self.out.push_str("] ");
        }
        for (k, port) in self.model.outputs(id).into_iter().enumerate() {
            self.comma(k);
            self.port(port);
        }
        self.out.push_str(if node.output_count() > 0 { " = " } else { "= " });
        if let Some(domain) = node.op.domain.as_deref().filter(|d| !d.is_empty()) {
            spell::domain(&mut self.out, domain);
            self.out.push('.');
        }
        spell::name(&mut self.out, &node.op.op);
        if let Some(overload) = node.overload.as_deref().filter(|o| !o.is_empty()) {
            self.out.push(':');
            spell::name(&mut self.out, overload);
        }
        self.out.push('(');
        for (k, port) in self.model.inputs(id).into_iter().enumerate() {
            self.comma(k);
            match port.and_then(|value| self.operand(value)) {
                Some(constant) => constant::write(&mut self.out, constant, self.style),
                None => self.port(port),
            }
        }
        self.out.push(')');
        self.attributes(&node.attributes);
        if self.style.notes {
            note::write(&mut self.out, node.doc.as_deref(), &node.metadata, &[]);
        }
    }

    fn port(&mut self, port: Option<ValueId>) {
        spell::name(&mut self.out, port.map_or("", |v| self.model.name(v)));
    }

    /// The content of a value that is written where it is read.
    fn operand(&self, value: ValueId) -> Option<&'a Tensor> {
        if self.operands { constant::operand(self.model, value, self.style) } else { None }
    }

    fn comma(&mut self, place: usize) {
        if place > 0 {
            self.out.push_str(", ");
        }
    }

    fn attributes(&mut self, all: &[Attribute]) {
        if all.is_empty() {
            return;
        }
        let lines = !self.brief && all.iter().any(|a| !a.value.scopes().is_empty());
        self.depth += usize::from(lines);
        self.out.push_str(" <");
        for (k, attribute) in all.iter().enumerate() {
            if lines {
                self.out.push_str(if k == 0 { "\n" } else { ",\n" });
                self.indent(0);
            } else {
                self.comma(k);
            }
            self.attribute(attribute);
        }
        self.depth -= usize::from(lines);
        if lines {
            self.out.push('\n');
            self.indent(0);
        }
        self.out.push('>');
    }

    fn attribute(&mut self, attribute: &Attribute) {
        spell::name(&mut self.out, &attribute.name);
        if self.style.notes {
            note::write(&mut self.out, attribute.doc.as_deref(), &Metadata::new(), &[]);
        }
        if let Some(kind) = attribute::annotation(&attribute.value) {
            let _ = write!(self.out, ": {kind}");
        }
        self.out.push_str(" = ");
        let style = self.style;
        match &attribute.value {
            AttributeValue::Float(x) => self.out.push_str(&spell::float(*x)),
            AttributeValue::Int(x) => self.out.push_str(&x.to_string()),
            AttributeValue::String(s) => spell::string(&mut self.out, s),
            AttributeValue::Tensor(t) | AttributeValue::SparseTensor(t) => tensor::write(&mut self.out, t, style),
            AttributeValue::Graph(scope) => self.inner_graph(*scope),
            AttributeValue::Type(ty) => types::write(&mut self.out, ty, style.notes),
            AttributeValue::Floats(all) => self.items(all, |p, x| p.out.push_str(&spell::float(*x))),
            AttributeValue::Ints(all) => self.items(all, |p, x| p.out.push_str(&x.to_string())),
            AttributeValue::Strings(all) => self.items(all, |p, s| spell::string(&mut p.out, s)),
            AttributeValue::Tensors(all) | AttributeValue::SparseTensors(all) => {
                self.items(all, |p, t| tensor::write(&mut p.out, t, style));
            }
            AttributeValue::Graphs(all) => self.items(all, |p, scope| p.inner_graph(*scope)),
            AttributeValue::Types(all) => self.items(all, |p, ty| types::write(&mut p.out, ty, style.notes)),
            AttributeValue::Reference { name, .. } => {
                self.out.push('@');
                spell::name(&mut self.out, name);
            }
        }
    }

    fn items<T>(&mut self, all: &[T], mut one: impl FnMut(&mut Self, &T)) {
        self.out.push('[');
        for (k, item) in all.iter().enumerate() {
            self.comma(k);
            one(self, item);
        }
        self.out.push(']');
    }

    fn inner_graph(&mut self, scope: ScopeId) {
        if self.brief {
            spell::name(&mut self.out, self.model.scope(scope).name.as_deref().unwrap_or(""));
            self.out.push_str(" {..}");
        } else {
            self.graph(scope);
        }
    }
}

/// The fields of a header, spelled; what says nothing is left out.
#[derive(Default)]
struct Fields(Vec<String>);

impl Fields {
    fn number(&mut self, key: &str, value: Option<i64>) {
        if let Some(value) = value.filter(|v| *v != 0) {
            self.0.push(format!("{key}: {value}"));
        }
    }

    fn string(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            let mut field = format!("{key}: ");
            spell::string(&mut field, value.as_bytes());
            self.0.push(field);
        }
    }

    fn opsets(&mut self, opsets: &[Opset]) {
        let spelled = |opset: &Opset| {
            let mut out = String::new();
            spell::string(&mut out, opset.domain.as_deref().unwrap_or("").as_bytes());
            format!("{out}: {}", opset.version.unwrap_or(0))
        };
        if !opsets.is_empty() {
            self.0.push(format!("opset_import: [{}]", opsets.iter().map(spelled).collect::<Vec<_>>().join(", ")));
        }
    }

    fn metadata(&mut self, metadata: &Metadata) {
        if !metadata.is_empty() {
            let mut field = "metadata_props: ".to_string();
            note::write_metadata(&mut field, metadata);
            self.0.push(field);
        }
    }
}
