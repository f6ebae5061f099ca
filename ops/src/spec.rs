//! One row of the operator table.

use crate::{Fold, Inference, Inferred, QuantRule, channels::ChannelRule, infer, shrink, upgrade::History};
use shrinx_ir::{Dim, Model, NodeId, Tensor};

/// What an operator is, from opset `since` on.
#[derive(Clone, Copy, Debug)]
pub struct OpSpec {
    /// Domain; empty for the standard one.
    pub domain: &'static str,
    /// The operator's type.
    pub op: &'static str,
    /// The first opset version that this row holds for.
    pub since: i64,
    /// Types, shapes and known contents of the outputs.
    pub infer: fn(&mut Inference<'_>) -> Inferred,
    /// The outputs, where all inputs are constants: by small kernels whose results no runtime disagrees with. `None` for "not this one".
    pub fold: Option<Kernel>,
    /// Multiplications with a following addition, for one run.
    pub macs: Option<fn(&mut Inference<'_>) -> Option<Dim>>,
    /// Which slices of its tensors can only be removed together.
    pub channels: ChannelRule,
    /// What it owes to a cut of its ports; `None` where it follows by itself.
    pub shrink: Option<shrink::Rule>,
    /// Inputs, and axes of them, along which it sums products: what is zero there does not count.
    pub contracted: Option<Contracted>,
    /// What it does besides computing its outputs from its inputs.
    pub effects: Effects,
    /// Whether a node is without these effects after all, as a `Dropout` outside training.
    pub spared: Option<fn(&Model, NodeId) -> bool>,
    /// Whether its two inputs may be swapped.
    pub commutative: bool,
    /// What it is where parts of a model run in 8 bits.
    pub quant: QuantRule,
    /// The opsets that changed it, and how a node follows; `None` where that is not known.
    pub upgrade: Option<History>,
}

/// Computes a node's outputs from constant inputs; `None` where it cannot.
pub type Kernel = fn(&Fold<'_>) -> Option<Vec<Tensor>>;

/// Ports and axes along which a node sums products.
pub type Contracted = fn(&Inference<'_>) -> Vec<(usize, usize)>;

/// What a node does besides computing its outputs from its inputs. The larger one prevails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effects {
    /// Nothing: equal inputs give equal outputs.
    None,
    /// Draws random numbers: two nodes with equal inputs differ.
    Random,
    /// Not known.
    Unknown,
}

impl OpSpec {
    /// An operator about which nothing is known.
    pub const UNKNOWN: Self = Self {
        domain: "",
        op: "",
        since: 1,
        infer: infer::unknown,
        fold: None,
        macs: None,
        channels: ChannelRule::UNKNOWN,
        shrink: None,
        contracted: None,
        effects: Effects::Unknown,
        commutative: false,
        quant: QuantRule::FLOAT,
        upgrade: None,
        spared: None,
    };

    /// A row for an operator of the standard domain without effects.
    #[must_use]
    pub const fn new(op: &'static str, infer: fn(&mut Inference<'_>) -> Inferred) -> Self {
        Self { op, infer, effects: Effects::None, ..Self::UNKNOWN }
    }

    /// The row with a kernel for folding.
    #[must_use]
    pub const fn folds(mut self, fold: Kernel) -> Self {
        self.fold = Some(fold);
        self
    }

    /// The row with a count of its multiplications.
    #[must_use]
    pub const fn costs(mut self, macs: fn(&mut Inference<'_>) -> Option<Dim>) -> Self {
        self.macs = Some(macs);
        self
    }

    /// The row with a rule for removing channels.
    #[must_use]
    pub const fn cuts(mut self, channels: ChannelRule) -> Self {
        self.channels = channels;
        self
    }

    /// The row with what it owes to a cut.
    #[must_use]
    pub const fn shrinks(mut self, shrink: shrink::Rule) -> Self {
        self.shrink = Some(shrink);
        self
    }

    /// The row with the axes that it sums over.
    #[must_use]
    pub const fn contracts(mut self, contracted: Contracted) -> Self {
        self.contracted = Some(contracted);
        self
    }

    /// The row, marked commutative.
    #[must_use]
    pub const fn commutes(mut self) -> Self {
        self.commutative = true;
        self
    }

    /// The row with what it is in 8 bits.
    #[must_use]
    pub const fn quant(mut self, quant: QuantRule) -> Self {
        self.quant = quant;
        self
    }

    /// The row, marked random.
    #[must_use]
    pub const fn random(mut self) -> Self {
        self.effects = Effects::Random;
        self
    }

    /// The row, marked random except for some nodes.
    #[must_use]
    pub const fn random_unless(mut self, spared: fn(&Model, NodeId) -> bool) -> Self {
        self.spared = Some(spared);
        self.random()
    }
}
