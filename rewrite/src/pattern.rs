//! What a rewrite looks for: a tree of operators and values, from an output back to its inputs.

/// What a rewrite looks for, as a value: built once, matched at every node.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Any value, bound to a name. The same name twice means the same value.
    Any(&'static str),
    /// A value of known content that no caller can change, bound to a name.
    Constant(&'static str),
    /// Nothing, or what the pattern says.
    Optional(Box<Pattern>),
    /// The first output of a node.
    Op(OpPattern),
}

/// A node of the standard domain.
#[derive(Clone, Debug)]
pub struct OpPattern {
    pub(crate) ops: Vec<&'static str>,
    pub(crate) inputs: Option<Vec<Pattern>>,
    pub(crate) any_order: bool,
    pub(crate) name: Option<&'static str>,
}

/// Any value, bound to `name`.
pub fn any(name: &'static str) -> Pattern {
    Pattern::Any(name)
}

/// A value of known content, bound to `name`.
pub fn constant(name: &'static str) -> Pattern {
    Pattern::Constant(name)
}

/// A node of operator `op` with these inputs; further input ports must be absent.
pub fn op<const N: usize>(op: &'static str, inputs: [Pattern; N]) -> Pattern {
    Pattern::Op(OpPattern { ops: vec![op], inputs: Some(inputs.into()), any_order: false, name: None })
}

/// A node of any of these operators, whatever its inputs.
pub fn op_of<const N: usize>(ops: [&'static str; N]) -> Pattern {
    Pattern::Op(OpPattern { ops: ops.into(), inputs: None, any_order: false, name: None })
}

impl Pattern {
    /// The inputs, all two of them, in either order.
    #[must_use]
    pub fn in_any_order(mut self) -> Self {
        self.op_mut().any_order = true;
        self
    }

    /// The node, bound to `name`.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.op_mut().name = Some(name);
        self
    }

    /// Or nothing: an absent input.
    #[must_use]
    pub fn optional(self) -> Self {
        Self::Optional(Box::new(self))
    }

    /// A node of this or of one more operator, with the same inputs.
    #[must_use]
    pub fn or(mut self, op: &'static str) -> Self {
        self.op_mut().ops.push(op);
        self
    }

    fn op_mut(&mut self) -> &mut OpPattern {
        match self {
            Self::Op(op) => op,
            Self::Any(_) | Self::Constant(_) | Self::Optional(_) => panic!("this part of a pattern is no operator"),
        }
    }

    /// Every name that the pattern binds.
    pub(crate) fn names(&self, into: &mut Vec<&'static str>) {
        match self {
            Self::Any(name) | Self::Constant(name) => into.push(name),
            Self::Optional(inner) => inner.names(into),
            Self::Op(op) => {
                into.extend(op.name);
                op.inputs.iter().flatten().for_each(|p| p.names(into));
            }
        }
    }
}
