//! The standard opset ⟶ 17, or 14, or 13, the first that every node can be carried to.
//!
//! `HardSwish` came with 14, scales per channel with 13, `LayerNormalization` with 17. Not further: ONNX Runtime runs some models of opset 21 wrongly, and
//! nothing here needs more. A model that would take more nodes, as a Softmax over several axes does from 13 on, is left where it is.

use shrinx_rewrite::{Context, Fidelity, Pass, PassError, ir::Model, ops::upgrade::upgrade};

/// The pass `raise-opset`.
pub struct RaiseOpset;

/// Opsets to raise to, the best first.
const TARGETS: [i64; 3] = [17, 14, 13];

impl Pass for RaiseOpset {
    fn name(&self) -> &'static str {
        "raise-opset"
    }

    fn summary(&self) -> &'static str {
        "Raises the standard opset to 17, or as far as all nodes can be carried"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        let Some(from) = model.opset(Model::MAIN, "") else { return Ok(()) };
        for to in TARGETS.into_iter().filter(|to| *to > from) {
            let mut raised = model.clone();
            match upgrade(&mut raised, context.ops, &context.facts, to) {
                Err(refused) => context.notes.skip(&refused.to_string(), || "the model".into()),
                Ok(()) if computing_nodes(&raised) > computing_nodes(model) => {
                    context.notes.skip(&format!("opset {to} would take more nodes"), || "the model".into());
                }
                Ok(()) => {
                    *model = raised;
                    context.notes.applied(1);
                    break;
                }
            }
        }
        Ok(())
    }
}

fn computing_nodes(model: &Model) -> usize {
    model.nodes().filter(|n| !model.node(*n).is("Constant")).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites, ops::OpTable, testing};

    fn pass() -> Box<dyn Pass> {
        Box::new(RaiseOpset)
    }

    /// The opset that a graph comes to, and its IR version.
    fn raised(opset: i64, graph: &str) -> (Option<i64>, Option<i64>) {
        let mut model = testing::model(&format!("<ir_version: 6, opset_import: [\"\": {opset}]> {graph}"));
        let ops = OpTable::standard();
        let mut context = Context::new(&model, &ops);
        RaiseOpset.run(&mut model, &mut context).unwrap();
        (model.opset(Model::MAIN, ""), model.header().ir_version)
    }

    #[test]
    fn rewrites_what_changed_its_meaning() {
        assert_rewrites!(
            pass(),
            "<ir_version: 3, opset_import: [\"\": 9]>
            g (float[N,1,3] x) => (float[N,3] y) { a = Squeeze <axes = [1]> (x) b = Softmax(a) y = Clip <min = 0.1, max = 0.5> (b) }",
            @"
        - g (float[N,1,3] x) => (float[N,3] y) {
        -   a = Squeeze(x) <axes = [1]>
        -   b = Softmax(a)
        -   y = Clip(b) <min = 0.1, max = 0.5>
        + g (float[N,1,3] x) => (float[N,3] y) <
        +   int64[1] axes = {1},
        +   float min = {0.1},
        +   float max = {0.5}
        + > {
        +   a = Squeeze(x, axes)
        +   b = Softmax(a) <axis = 1>
        +   y = Clip(b, min, max)
        "
        );
    }

    #[test]
    fn the_ir_version_rises_with_it() {
        assert_eq!(raised(11, "g (float[N] x) => (float[N] y) { y = Relu(x) }"), (Some(17), Some(8)));
    }

    #[test]
    fn a_lower_opset_is_taken_where_the_highest_is_refused() {
        // Integers are no longer allowed from 13 on.
        assert_eq!(raised(12, "g (int32[2] x) => (int32[2] y) { y = Erf(x) }").0, Some(12));
        let training = "y, m, v = BatchNormalization(x, s, s, s, s)";
        assert_eq!(
            raised(12, &format!("g (float[N,2,4] x, float[2] s) => (float[N,2,4] y, float[2] m, float[2] v) {{ {training} }}")).0,
            Some(13)
        );
    }

    #[test]
    fn leaves_a_softmax_over_several_axes_alone() {
        let source = "<ir_version: 6, opset_import: [\"\": 11]> g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax(x) }";
        assert_leaves!(pass(), source, "more nodes");
    }

    #[test]
    fn leaves_newer_opsets_alone() {
        assert_leaves!(pass(), "<ir_version: 9, opset_import: [\"\": 18]> g (float[2] x) => (float[2] y) { y = Relu(x) }", "");
    }
}
