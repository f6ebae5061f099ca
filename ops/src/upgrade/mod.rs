//! Raising a model to a newer opset, all or nothing.
//!
//! The column `upgrade` of the operator table tells in which opsets an operator changed and what each change means for a node: its text stays as it is, is
//! rewritten, or cannot be brought along. First every node of the main graph, its bodies and the local functions is carried to the target as a [`Draft`];
//! only if none refuses is the model touched.

mod apply;
mod draft;
mod history;
mod inputs;
mod legacy;
mod resize;
mod softmax;

pub use draft::{Draft, Refusal, Source};
pub(crate) use history::HISTORY;
pub use history::NEWEST;

use crate::{Facts, OpTable, label, table::is_local_function};
use shrinx_ir::{Coded, ErrorKind, Model, ScopeId};

/// The life of an operator.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// The opset that introduced it.
    pub first: i64,
    /// The opsets that changed it, in order.
    pub changes: Changes,
}

/// Opsets that changed an operator, and what each means for a node.
pub type Changes = &'static [(i64, Step)];

/// What a change of an operator means for a node that uses it.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// The text of the node stays valid, and means the same.
    Same,
    /// The text is rewritten so that it means the same, or there is a reason why it cannot be.
    Rewrite(fn(&mut Draft<'_>) -> Result<(), Refusal>),
    /// There is no equivalent.
    Refuse(&'static str),
}

/// Why a model cannot be raised to an opset.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum UpgradeError {
    #[error("opset {from} cannot be lowered to {to}")]
    Lower { from: i64, to: i64 },
    #[error("opset {to} is not known; the newest that is known is {NEWEST}")]
    Unknown { to: i64 },
    #[error("the training information of the model is not understood, so that it cannot be raised")]
    Training,
    #[error("node `{node}` ({op}) cannot be raised to opset {to}: {reason}")]
    Node { op: String, node: String, to: i64, reason: Refusal },
}

impl Coded for UpgradeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Lower { .. } => "E0301",
            Self::Unknown { .. } => "E0302",
            Self::Training => "E0303",
            Self::Node { .. } => "E0304",
        }
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unsupported
    }
}

/// Raises the standard operator set of a model to `to`: nodes, opset imports, and the IR version where the opset needs a newer one. On an error the model
/// is as it was. `facts` must be of this revision, and is not of the revision that results.
pub fn upgrade(model: &mut Model, ops: &OpTable, facts: &Facts, to: i64) -> Result<(), UpgradeError> {
    if to > NEWEST {
        return Err(UpgradeError::Unknown { to });
    }
    if !model.header().training_info.is_empty() {
        return Err(UpgradeError::Training);
    }
    let mut drafts = Vec::new();
    for scope in model.scopes() {
        let Some(from) = model.opset(scope, "") else { continue };
        if from > to {
            return Err(UpgradeError::Lower { from, to });
        }
        carry_all(model, ops, facts, scope, from, to, &mut drafts)?;
    }
    let changes = drafts.into_iter().map(apply::Change::of).collect();
    apply::apply(model, changes, to);
    Ok(())
}

/// Carries the nodes of a scope to opset `to`; those whose text changes are added to `drafts`.
fn carry_all<'a>(
    model: &'a Model,
    ops: &OpTable,
    facts: &'a Facts,
    scope: ScopeId,
    from: i64,
    to: i64,
    drafts: &mut Vec<Draft<'a>>,
) -> Result<(), UpgradeError> {
    for node in model.nodes_in_file_order(scope) {
        if !model.node(node).op.domain().is_empty() || is_local_function(model, model.node(node)) {
            continue;
        }
        let mut draft = Draft::of(model, facts, node);
        carry(&mut draft, ops, from, to).map_err(|reason| UpgradeError::Node {
            op: model.node(node).op.op.clone(),
            node: label(model, node),
            to,
            reason,
        })?;
        if draft.is_changed() {
            drafts.push(draft);
        }
    }
    Ok(())
}

fn carry(draft: &mut Draft<'_>, ops: &OpTable, from: i64, to: i64) -> Result<(), Refusal> {
    let mut at = from;
    loop {
        // Looked up anew after each step: a rewrite may have put another operator in its place.
        let Some(history) = ops.get("", &draft.op, at).upgrade else { return Err(Refusal("the operator is not known".into())) };
        if history.first > at {
            return Err(Refusal(format!("opset {at} has no such operator").into()));
        }
        let Some((version, step)) = history.changes.iter().find(|(version, _)| *version > at && *version <= to) else { return Ok(()) };
        match step {
            Step::Same => {}
            Step::Rewrite(rewrite) => rewrite(draft)?,
            Step::Refuse(why) => return Err(Refusal((*why).into())),
        }
        at = *version;
    }
}

/// The IR version that came with an opset (`onnx.helper.VERSION_TABLE`).
fn ir_version(opset: i64) -> i64 {
    match opset {
        ..=8 => 3,
        9 => 4,
        10 => 5,
        11 => 6,
        12..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        21..=22 => 10,
        23 => 11,
        24 => 12,
        25..=27 => 13,
        28.. => 14,
    }
}

/// `Scatter` lives on as `ScatterElements`.
fn renamed_scatter(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.op = "ScatterElements".into();
    Ok(())
}

/// Integers are no longer allowed.
fn floats_only(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.dtype(0) {
        Some(dtype) if dtype.is_float() => Ok(()),
        Some(dtype) => Err(Refusal(format!("{dtype} is no longer allowed").into())),
        None => Err(Refusal("its element type is not known, and integers are no longer allowed".into())),
    }
}

/// Narrow floats are now summed in float32.
fn precise_range(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.dtype(0) {
        Some(dtype) if dtype.bits() != 16 || dtype.is_integer() => Ok(()),
        Some(_) | None => Err(Refusal("16-bit floats are now summed in float32".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_ir::{Model, text};

    /// What stands between the braces of a graph and its functions after it was raised from one opset to another, initializers first; or why it was not.
    pub(super) fn raised(from: i64, to: i64, graph: &str) -> String {
        let source = format!("<ir_version: 3, opset_import: [\"\": {from}, \"local\": 1]>\n{graph}");
        let mut model = text::parse(&source).unwrap();
        let ops = OpTable::standard();
        let facts = Facts::infer(&model, &ops);
        if let Err(error) = upgrade(&mut model, &ops, &facts, to) {
            return format!("! {error}");
        }
        assert_eq!(shrinx_ir::verify::verify(&model), []);
        let scopes: Vec<ScopeId> = model.scopes().filter(|s| model.scope(*s).parent.is_none()).collect();
        assert!(scopes.iter().all(|s| model.opset(*s, "") == Some(to)));
        let options = text::TextOptions { operands: false, ..text::TextOptions::default() };
        let texts = scopes.into_iter().map(|s| text::print_scope(&model, s, &options)).collect::<String>();
        texts.lines().skip(1).map(str::trim).filter(|l| !["", "}", "> {"].contains(l)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn refusals_name_the_node_and_leave_the_model() {
        let source = "<ir_version: 6, opset_import: [\"\": 11]>\ng (float[2] x) => (float[2] z) { y = Squeeze<axes = [0]>(x)\n [odd] z = Resample(y) }";
        let mut model = text::parse(source).unwrap();
        let ops = OpTable::standard();
        let facts = Facts::infer(&model, &ops);
        let (before, revision) = (text::print(&model), model.revision());
        let error = upgrade(&mut model, &ops, &facts, 13).unwrap_err();
        assert_eq!(error.to_string(), "node `odd` (Resample) cannot be raised to opset 13: the operator is not known");
        assert_eq!((text::print(&model), model.revision()), (before, revision));
    }

    #[test]
    fn opsets_only_rise() {
        let graph = "g (float[2] x) => (float[2] y) { y = Relu(x) }";
        assert_eq!(raised(17, 13, graph), "! opset 17 cannot be lowered to 13");
        assert_eq!(raised(17, 99, graph), "! opset 99 is not known; the newest that is known is 28");
        assert_eq!(raised(17, 17, graph), "y = Relu(x)");
    }

    #[test]
    fn stored_inputs_become_constants() {
        let source = "<ir_version: 3, opset_import: [\"\": 8]>\ng (float[2] x, float[2] w) => (float[2] y) <float[2] w = {1.0, 2.0}> { y = Add(x, w) }";
        let mut model = text::parse(source).unwrap();
        let signature = shrinx_ir::verify::Signature::of(&model);
        let ops = OpTable::standard();
        let facts = Facts::infer(&model, &ops);
        upgrade(&mut model, &ops, &facts, 13).unwrap();
        assert_eq!(model.header().ir_version, Some(7));
        assert!(model.constant(model.find(Model::MAIN, "w").unwrap()).is_some());
        assert_eq!(signature.compare(&shrinx_ir::verify::Signature::of(&model)), []);
        assert_eq!(shrinx_ir::verify::verify(&model), []);
    }

    #[test]
    fn bodies_and_functions_rise_too() {
        let body = raised(
            11,
            13,
            "g (bool c, float[1,4] x) => (float[4] y) {
                y = If<then_branch = t () => (float[4] a) { a = Squeeze<axes = [0]>(x) },
                       else_branch = e () => (float[4] b) { b = Unsqueeze<axes = [0]>(x) }>(c)
            }",
        );
        assert!(body.contains("int64[1] axes = {0}\na = Squeeze(x, axes)"), "{body}");
        assert!(body.contains("int64[1] axes_1 = {0}\nb = Unsqueeze(x, axes_1)"), "{body}");
        let function = raised(
            11,
            13,
            "g (float[4] x) => (float[1,4] y) { y = local.Row(x) }
            <opset_import: [\"\": 11], domain: \"local\"> Row (a) => (b) { b = Unsqueeze<axes = [0]>(a) }",
        );
        assert!(function.ends_with("axes = Constant() <value = int64[1] {0}>\nb = Unsqueeze(a, axes)"), "{function}");
    }
}
