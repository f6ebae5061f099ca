//! What an operator is where parts of a model run in 8 bits: the column `quant` of the table, measured with ONNX Runtime on x64 (`docs/results.md`).

use crate::costs::KernelClass;
use shrinx_ir::{Model, NodeId};

/// What is known of an operator. By default it runs in float, by itself, and in any layout.
#[derive(Clone, Copy, Debug)]
pub struct QuantRule {
    /// Its int8 kernel.
    pub int8: Int8,
    /// Which of its nodes that kernel takes, where not all.
    pub only: Option<fn(&Model, NodeId) -> bool>,
    /// Of an activation that rounding to unsigned codes makes superfluous: what a node cuts its input to at the top, if it cuts to 0 at the bottom.
    pub absorbed: Option<fn(&Model, NodeId) -> Option<f32>>,
    /// Whether a float `Conv` before it applies it on the way.
    pub into_conv: bool,
    /// Whether a float `Gemm` before it applies it on the way.
    pub into_gemm: bool,
    /// Which kernel it is, where it is no layer: a simple function of each element, or a smooth one.
    pub class: KernelClass,
    /// Whether the runtime moves no change of layout through it.
    pub fixes_layout: bool,
}

/// What an int8 kernel does to scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Int8 {
    /// There is none.
    None,
    /// It multiplies with weights: such a node is a layer.
    Heavy,
    /// There is none, and the float kernel multiplies with weights.
    HeavyInFloat,
    /// It computes, and rounds anew.
    Computes,
    /// It puts inputs side by side, each of its own scale, and rounds anew.
    Joins,
    /// It moves values of its first input, whose scale stays.
    Moves,
    /// It gives 0 to 1.
    Unit,
}

impl QuantRule {
    /// The default.
    pub const FLOAT: Self = Self {
        int8: Int8::None,
        only: None,
        absorbed: None,
        into_conv: false,
        into_gemm: false,
        class: KernelClass::Elementwise,
        fixes_layout: false,
    };
    pub(crate) const HEAVY: Self = Self { int8: Int8::Heavy, ..Self::FLOAT.fixes_layout() };
    pub(crate) const HEAVY_IN_FLOAT: Self = Self { int8: Int8::HeavyInFloat, ..Self::HEAVY };
    pub(crate) const COMPUTES: Self = Self { int8: Int8::Computes, ..Self::FLOAT };
    pub(crate) const JOINS: Self = Self { int8: Int8::Joins, ..Self::FLOAT };
    pub(crate) const MOVES: Self = Self { int8: Int8::Moves, ..Self::FLOAT };
    pub(crate) const UNIT: Self = Self { int8: Int8::Unit, ..Self::FLOAT };

    pub(crate) const fn only(self, only: fn(&Model, NodeId) -> bool) -> Self {
        Self { only: Some(only), ..self }
    }

    pub(crate) const fn absorbed(self, ceiling: fn(&Model, NodeId) -> Option<f32>) -> Self {
        Self { absorbed: Some(ceiling), ..self }
    }

    pub(crate) const fn into_conv(self) -> Self {
        Self { into_conv: true, ..self }
    }

    pub(crate) const fn into_gemm(self) -> Self {
        Self { into_gemm: true, ..self }
    }

    pub(crate) const fn smooth(self) -> Self {
        Self { class: KernelClass::Activation, ..self }
    }

    pub(crate) const fn fixes_layout(self) -> Self {
        Self { fixes_layout: true, ..self }
    }

    /// The int8 kernel of a node with this rule.
    pub fn kernel(&self, model: &Model, node: NodeId) -> Int8 {
        if self.only.is_none_or(|only| only(model, node)) { self.int8 } else { Int8::None }
    }
}
