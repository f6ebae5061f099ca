//! Vectors that several nodes read get a copy for each reader.
//!
//! Biases and scales are often equal by chance (all 0, all 1), and sharing them has made them one value. Left so, they would tie channels to each other that
//! have nothing to do with one another. Weights of two axes or more stay shared: where they are equal, it is on purpose.

use shrinx_rewrite::ir::Model;

/// Gives each reader of a vector a copy of its own. Sharing again is what `share-initializers` does.
pub fn unshare(model: &mut Model) {
    let vectors: Vec<_> = model.values().filter(|v| model.constant(*v).is_some_and(|t| is_vector(&t.dims))).collect();
    for value in vectors {
        let (Some(tensor), scope) = (model.constant(value).cloned(), model.scope_of(value)) else { continue };
        let mut uses: Vec<_> = model.uses(value).collect();
        uses.sort_unstable();
        let spare = usize::from(!model.is_output(value));
        for (node, port) in uses.into_iter().skip(spare) {
            let name = model.name(value).to_string();
            let copy = model.add_initializer(scope, &name, tensor.clone());
            model.set_input(node, port, Some(copy));
        }
    }
}

fn is_vector(dims: &[u64]) -> bool {
    dims.iter().filter(|d| **d > 1).count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::Groups;
    use shrinx_rewrite::{
        ir::verify::verify,
        ops::{Facts, OpTable},
        testing::model,
    };

    fn groups(model: &Model) -> usize {
        let ops = OpTable::standard();
        Groups::discover(model, &Facts::infer(model, &ops), &ops).groups.len()
    }

    #[test]
    fn vectors_tie_no_channels_but_their_own() {
        let mut model = model(
            "<ir_version: 10, opset_import: [\"\": 21]> g (float[N,4] x) => (float[N,4] y) <float[4,8] a, float[8,8] b, float[8,4] c, float[8] s> {
                p = Gemm(x, a, s) q = Relu(p) r = Gemm(q, b, s) t = Relu(r) y = MatMul(t, c)
            }",
        );
        assert_eq!(groups(&model), 1);
        unshare(&mut model);
        assert_eq!(verify(&model), vec![]);
        assert_eq!(groups(&model), 2);
    }

    #[test]
    fn matrices_stay_shared() {
        let source = "<ir_version: 10, opset_import: [\"\": 21]> g (float[N,4] x) => (float[N,8] y) <float[4,8] a> {
            p = MatMul(x, a) q = MatMul(x, a) y = Add(p, q)
        }";
        let mut model = model(source);
        let before = model.values().count();
        unshare(&mut model);
        assert_eq!(model.values().count(), before);
    }
}
