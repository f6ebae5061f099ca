//! From text to drafts, and from drafts to a model.

use super::{
    elided,
    fault::TextError,
    lex::{Parsed, Parser},
    note::Note,
};
use crate::{
    build::{self, DeclarationDraft, GraphDraft, NodeDraft},
    model::{Function, Header, Model, Opset, ScopeKind},
    node::{Node, OpName},
    tensor::Tensor,
};

/// The header of a text that has none: IR version 10, opset 21 of the standard domain.
fn default_header() -> Header {
    Header { ir_version: Some(10), opsets: vec![Opset { domain: None, version: Some(21) }], ..Header::default() }
}

pub(super) fn model(source: &str) -> Result<Model, TextError> {
    let mut parser = Parser::new(source);
    let header = if parser.take("<") { parser.header()? } else { default_header() };
    let name = parser.name("`<` and a header, or the name of a graph")?;
    let mut graph = parser.graph_behind(name)?;
    elided::adopt(&mut graph);
    let mut model = Model::new(header);
    build::build(&mut model, Model::MAIN, graph)?;
    while parser.peek().is_some() {
        let (function, mut draft) = parser.function()?;
        elided::adopt_in_function(&mut draft);
        let scope = model.add_scope(ScopeKind::Function(Box::new(function)), None);
        build::build(&mut model, scope, draft)?;
    }
    model.restore(0);
    Ok(model)
}

impl Parser<'_> {
    /// Takes the fields of a header and the `>` behind them.
    fn header(&mut self) -> Parsed<Header> {
        let mut header = Header::default();
        self.list(">", |p| {
            let at = p.place();
            let key = p.word();
            p.expect(":")?;
            match key {
                "ir_version" => header.ir_version = Some(p.integer()?),
                "opset_import" => header.opsets = p.opsets()?,
                "producer_name" => header.producer_name = Some(p.text()?),
                "producer_version" => header.producer_version = Some(p.text()?),
                "domain" => header.domain = Some(p.text()?),
                "model_version" => header.model_version = Some(p.integer()?),
                "doc_string" => header.doc = Some(p.text()?),
                "metadata_props" => header.metadata = p.metadata()?,
                _ => return Err(p.expected_at(at, "ir_version, opset_import or another field of a model")),
            }
            Ok(())
        })?;
        Ok(header)
    }

    fn opsets(&mut self) -> Parsed<Vec<Opset>> {
        let mut all = Vec::new();
        self.expect("[")?;
        self.list("]", |p| {
            let domain = p.text()?;
            p.expect(":")?;
            all.push(Opset { domain: Some(domain).filter(|d| !d.is_empty()), version: Some(p.integer()?) });
            Ok(())
        })?;
        Ok(all)
    }

    fn function(&mut self) -> Parsed<(Function, GraphDraft)> {
        let (mut function, mut draft) = (Function::default(), GraphDraft::default());
        if self.take("<") {
            self.list(">", |p| {
                let at = p.place();
                let key = p.word();
                p.expect(":")?;
                match key {
                    "domain" => function.domain = Some(p.text()?),
                    "opset_import" => function.opsets = p.opsets()?,
                    "overload" => function.overload = Some(p.text()?),
                    "doc_string" => draft.doc = Some(p.text()?),
                    "metadata_props" => draft.metadata = p.metadata()?,
                    _ => return Err(p.expected_at(at, "domain, opset_import or another field of a function")),
                }
                Ok(())
            })?;
        }
        function.name = Some(self.name("the name of a function")?);
        if self.take("<") {
            self.list(">", |p| {
                let (at, name) = (p.place(), p.attribute_name()?);
                if !["=", ":", "!"].iter().any(|mark| p.next_is(mark)) {
                    function.attributes.push(name);
                    return Ok(());
                }
                let default = p.attribute(name)?;
                if !default.graphs.is_empty() {
                    return Err(p.expected_at(at, "a default that is no graph"));
                }
                function.attribute_defaults.push(default.attribute);
                Ok(())
            })?;
        }
        draft.inputs = self.function_ports(&mut draft.value_info)?;
        self.expect("=>")?;
        draft.outputs = self.function_ports(&mut draft.value_info)?;
        if self.take("<") {
            self.declarations(">", &mut draft.value_info)?;
        }
        draft.nodes = self.nodes()?;
        Ok((function, draft))
    }

    /// Takes inputs or outputs of a function, which may have types: those are declarations of their own.
    fn function_ports(&mut self, typed: &mut Vec<DeclarationDraft>) -> Parsed<Vec<DeclarationDraft>> {
        let mut ports = Vec::new();
        self.expect("(")?;
        self.list(")", |p| {
            let declaration = p.declaration()?;
            ports.push(DeclarationDraft { name: declaration.name.clone(), ..DeclarationDraft::default() });
            if declaration.ty.is_some() {
                typed.push(declaration);
            }
            Ok(())
        })?;
        Ok(ports)
    }

    /// Takes a graph from behind its name on.
    pub(super) fn graph_behind(&mut self, name: String) -> Parsed<GraphDraft> {
        self.nested(|p| {
            let mut draft = GraphDraft { name: Some(name).filter(|n| !n.is_empty()), ..GraphDraft::default() };
            if p.take("(") {
                p.list(")", |p| p.input(&mut draft))?;
            }
            p.expect("=>")?;
            p.expect("(")?;
            p.declarations(")", &mut draft.outputs)?;
            if p.take("<") {
                p.list(">", |p| p.listed(&mut draft))?;
            }
            let note = p.graph_note()?;
            (draft.doc, draft.metadata, draft.quantization) = (note.doc, note.metadata, note.quantization);
            draft.nodes = p.nodes()?;
            Ok(draft)
        })
    }

    /// Takes an input, which may have content as well.
    fn input(&mut self, draft: &mut GraphDraft) -> Parsed<()> {
        let (at, declaration) = (self.place(), self.declaration()?);
        if self.take("=") {
            let tensor = self.content_of(&declaration, at)?;
            draft.initializers.push((declaration.name.clone(), tensor));
        }
        draft.inputs.push(declaration);
        Ok(())
    }

    /// Takes the declaration of an intermediate value, or an initializer.
    fn listed(&mut self, draft: &mut GraphDraft) -> Parsed<()> {
        let (at, declaration) = (self.place(), self.declaration()?);
        if self.take("=") {
            let tensor = self.content_of(&declaration, at)?;
            let DeclarationDraft { name, doc, metadata, .. } = declaration;
            draft.initializers.push((name, Tensor { doc, metadata, ..tensor }));
        } else {
            draft.value_info.push(declaration);
        }
        Ok(())
    }

    fn content_of(&mut self, declaration: &DeclarationDraft, at: usize) -> Parsed<Tensor> {
        match &declaration.ty {
            Some(ty) => self.tensor(ty, at),
            None => Err(self.expected_at(at, "the type of an initializer")),
        }
    }

    fn declarations(&mut self, close: &str, all: &mut Vec<DeclarationDraft>) -> Parsed<()> {
        self.list(close, |p| {
            all.push(p.declaration()?);
            Ok(())
        })
    }

    fn declaration(&mut self) -> Parsed<DeclarationDraft> {
        let ty = self.optional_type()?;
        let name = self.name("the name of a value")?;
        let Note { doc, metadata, .. } = self.note()?;
        Ok(DeclarationDraft { name, ty, doc, metadata })
    }

    fn nodes(&mut self) -> Parsed<Vec<NodeDraft>> {
        let mut nodes = Vec::new();
        self.expect("{")?;
        while !self.take("}") {
            let node = self.node(&mut nodes)?;
            nodes.push(node);
        }
        Ok(nodes)
    }

    /// Takes a node. Constants among its inputs become nodes before it.
    fn node(&mut self, before: &mut Vec<NodeDraft>) -> Parsed<NodeDraft> {
        let mut label = None;
        if self.take("[") {
            label = self.optional_name()?.filter(|l| !l.is_empty());
            self.expect("]")?;
        }
        let outputs = self.ports(Self::optional_name)?;
        self.expect("=")?;
        let mut node = Node::new(self.operator()?, Vec::new());
        node.name = label;
        if self.take(":") {
            node.overload = Some(self.name("the overload of a function")?);
        }
        let mut attributes = self.attributes()?;
        self.expect("(")?;
        let inputs =
            self.ports(|p| p.operand(before).and_then(|made_up| if made_up.is_some() { Ok(made_up) } else { p.optional_name() }))?;
        self.expect(")")?;
        if attributes.is_empty() {
            attributes = self.attributes()?;
        }
        let note = self.note()?;
        (node.doc, node.metadata) = (note.doc, note.metadata);
        Ok(NodeDraft { node, inputs, outputs, attributes })
    }

    /// Takes an operator: its type, behind its domain if that is not the standard one.
    fn operator(&mut self) -> Parsed<OpName> {
        let at = self.place();
        let mut op = self.name("an operator")?;
        let mut domain: Option<String> = None;
        while self.take(".") {
            let last = std::mem::replace(&mut op, self.name("an operator")?);
            domain = Some(domain.map_or(last.clone(), |d| d + "." + &last));
        }
        if op.is_empty() {
            return Err(self.expected_at(at, "an operator"));
        }
        Ok(OpName { domain, op })
    }

    /// Takes names with commas between them. One that is left out is an absent port; a comma at the end means nothing, as in ONNX's parser.
    fn ports(&mut self, mut port: impl FnMut(&mut Self) -> Parsed<Option<String>>) -> Parsed<Vec<String>> {
        let mut all = Vec::new();
        loop {
            match port(self)? {
                Some(name) => all.push(name),
                None if self.next_is(",") => all.push(String::new()),
                None => return Ok(all),
            }
            if !self.take(",") {
                return Ok(all);
            }
        }
    }
}
