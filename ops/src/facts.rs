//! What is known of the values of a model: element types, shapes and contents. Derived from the model, kept beside it.

use crate::{InferError, Inference, Inferred, OpTable};
use shrinx_ir::{AttributeValue, DataType, Declaration, Dim, Length, Model, NodeId, ScopeId, Symbols, Tensor, ValueId, value::TensorType};

/// What is known of one value, where it is a tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fact {
    /// Element type.
    pub dtype: Option<DataType>,
    /// Shape; `None` where not even the rank is known.
    pub shape: Option<Vec<Dim>>,
    /// Content of an int32, int64 or bool tensor of at most [`Fact::MAX_CONTENTS`] elements, row by row. Symbols stand for what depends on input shapes.
    /// A float tensor has contents where all its elements are known whole numbers, since shape computations pass through floats.
    pub contents: Option<Vec<Dim>>,
}

impl Fact {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { dtype: None, shape: None, contents: None };
    /// Contents longer than this are not followed.
    pub const MAX_CONTENTS: usize = 256;

    /// A tensor of this type and shape, either of which may be unknown.
    pub fn new(dtype: Option<DataType>, shape: Option<Vec<Dim>>) -> Self {
        Self { dtype, shape, contents: None }
    }

    /// The fact with contents, where they are few enough.
    #[must_use]
    pub fn with_contents(mut self, contents: Option<Vec<Dim>>) -> Self {
        self.contents = contents.filter(|c| c.len() <= Self::MAX_CONTENTS);
        self
    }

    /// The integers that contents of this type may hold: all of int64, int32 and bool, and of floats those up to which none is missing.
    pub fn exact_integers(dtype: DataType) -> Option<(i64, i64)> {
        let bits = match dtype {
            DataType::Int64 => return Some((i64::MIN, i64::MAX)),
            DataType::Int32 => return Some((i32::MIN.into(), i32::MAX.into())),
            DataType::Bool => return Some((0, 1)),
            DataType::Double => 53,
            DataType::Float => 24,
            DataType::Float16 => 11,
            DataType::Bfloat16 => 8,
            _ => return None,
        };
        Some((-(1 << bits), 1 << bits))
    }

    /// What a constant tells.
    pub fn of_tensor(tensor: &Tensor) -> Self {
        let contents = if tensor.len() <= Self::MAX_CONTENTS { Self::contents_of(tensor) } else { None };
        Self {
            dtype: Some(tensor.dtype),
            shape: Some(tensor.dims.iter().map(|d| Dim::Known(*d as i64)).collect()),
            contents: contents.map(|c| c.into_iter().map(Dim::Known).collect()),
        }
    }

    fn contents_of(tensor: &Tensor) -> Option<Vec<i64>> {
        let (low, high) = Self::exact_integers(tensor.dtype)?;
        if tensor.dtype.is_float() {
            // A negative zero is no integer: it would come back without its sign.
            let whole = |x: f64| (x as i64 as f64 == x && !(x == 0.0 && x.is_sign_negative())).then_some(x as i64);
            return tensor.to_f64()?.into_iter().map(|x| whole(x).filter(|n| (low..=high).contains(n))).collect();
        }
        tensor.to_integers()
    }

    /// Number of axes.
    pub fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(Vec::len)
    }

    /// The shape, where every length is a number.
    pub fn known_shape(&self) -> Option<Vec<i64>> {
        self.shape.as_ref()?.iter().map(Dim::known).collect()
    }
}

/// Facts of every value of one revision of a model.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    values: Vec<Fact>,
    /// The symbols in them.
    pub symbols: Symbols,
    problems: Vec<(String, InferError)>,
}

impl Facts {
    /// Infers the facts of a model. A node that contradicts its operator is noted in [`Facts::problems`], and its outputs stay unknown.
    pub fn infer(model: &Model, ops: &OpTable) -> Self {
        let mut facts = Self { values: vec![Fact::UNKNOWN; model.index_bound()], ..Self::default() };
        for scope in model.scopes().filter(|s| model.scope(*s).parent.is_none()) {
            facts.scope(model, ops, scope, &[]);
        }
        facts
    }

    /// What is known of a value.
    pub fn of(&self, value: ValueId) -> &Fact {
        self.values.get(value.index()).unwrap_or(&Fact::UNKNOWN)
    }

    /// Nodes that contradict their operators, by name.
    pub fn problems(&self) -> &[(String, InferError)] {
        &self.problems
    }

    /// Sets what is known of a value.
    pub fn set(&mut self, value: ValueId, fact: Fact) {
        if self.values.len() <= value.index() {
            self.values.resize(value.index() + 1, Fact::UNKNOWN);
        }
        self.values[value.index()] = fact;
    }

    fn scope(&mut self, model: &Model, ops: &OpTable, scope: ScopeId, arguments: &[Fact]) {
        for (k, declaration) in model.scope(scope).inputs().iter().enumerate() {
            let declared = self.declared(declaration);
            let fact = arguments.get(k).map_or(declared.clone(), |given| first(given, &declared));
            self.set(declaration.value, fact);
        }
        for &value in model.scope(scope).initializers() {
            match model.constant(value) {
                Some(tensor) => self.set(value, Fact::of_tensor(tensor)),
                None if !model.is_input(value) => self.set(value, Fact::UNKNOWN),
                None => {}
            }
        }
        for info in &model.scope(scope).value_info {
            if self.of(info.value) == &Fact::UNKNOWN {
                let declared = self.declared(info);
                self.set(info.value, declared);
            }
        }
        for output in model.scope(scope).outputs() {
            if self.of(output.value) == &Fact::UNKNOWN {
                let declared = self.declared(output);
                self.set(output.value, declared);
            }
        }
        let Ok(order) = model.nodes_in_order(scope) else { return };
        for node in order {
            self.node(model, ops, node);
        }
    }

    /// Infers the outputs of one node anew, bodies included.
    pub fn node(&mut self, model: &Model, ops: &OpTable, node: NodeId) {
        for body in model.node(node).bodies() {
            let arguments = crate::families::body_arguments(self, model, node, body);
            self.scope(model, ops, body, &arguments);
        }
        let row = *ops.of(model, node);
        let outputs = model.outputs(node);
        let mut inference = Inference::of(model, self, node);
        let inferred = if inference.call.has_references() { Ok(Vec::new()) } else { (row.infer)(&mut inference) };
        let mut inferred = inferred.and_then(possible).unwrap_or_else(|problem| {
            self.problems.push((format!("{}", model.node(node).op), problem));
            Vec::new()
        });
        inferred.resize(outputs.len(), Fact::UNKNOWN);
        for (value, fact) in outputs.iter().zip(inferred) {
            if let Some(value) = *value {
                let fact = first(&fact, &self.of(value).clone());
                self.set(value, fact);
            }
        }
    }

    fn declared(&mut self, declaration: &Declaration) -> Fact {
        let Some(TensorType { dtype, shape }) = declaration.ty.as_ref().and_then(|t| t.as_tensor()) else { return Fact::UNKNOWN };
        let shape = shape.as_ref().map(|dims| dims.iter().map(|d| self.length(&d.length)).collect());
        Fact::new(*dtype, shape)
    }

    /// The dim that a declared length stands for. Exporters write 0 and -1 where they do not know, so that neither is believed.
    fn length(&mut self, length: &Length) -> Dim {
        match length {
            Length::Number(n) if *n > 0 => Dim::Known(*n),
            Length::Number(_) | Length::Unset => self.symbols.fresh(),
            Length::Name(name) => self.symbols.named(name),
        }
    }
}

/// `found`, with gaps filled from `declared`.
fn first(found: &Fact, declared: &Fact) -> Fact {
    Fact {
        dtype: found.dtype.or(declared.dtype),
        shape: found.shape.clone().or_else(|| declared.shape.clone()),
        contents: found.contents.clone(),
    }
}

/// The facts of a node's outputs, if there can be such tensors: hostile attributes may ask for others.
fn possible(facts: Vec<Fact>) -> Inferred {
    let negative = facts.iter().filter_map(|f| f.shape.as_ref()).flatten().find_map(|d| d.known().filter(|n| *n < 0));
    negative.map_or(Ok(facts), |n| Err(InferError(format!("an output of length {n}"))))
}

/// The body an attribute holds.
pub(crate) fn body(node: &shrinx_ir::Node, name: &str) -> Option<ScopeId> {
    match node.attribute(name) {
        Some(AttributeValue::Graph(scope)) => Some(*scope),
        _ => None,
    }
}
