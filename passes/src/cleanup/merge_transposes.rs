//! `Transpose(Transpose(x, p), q)` ⟶ `Transpose(x, p∘q)`.
//!
//! Needs both permutations, or the rank where one is the default; what is left of an inverse pair is removed by `eliminate-identity`.

use shrinx_rewrite::{
    Edit, Fidelity, Match, Pattern, Replacement, Rewrite, Skip, any,
    ir::{Attribute, NodeId},
    op,
};

/// The rewrite `merge-transposes`.
pub struct MergeTransposes;

impl Rewrite for MergeTransposes {
    fn name(&self) -> &'static str {
        "merge-transposes"
    }

    fn summary(&self) -> &'static str {
        "Joins two transpositions in a row"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn pattern(&self) -> Pattern {
        op("Transpose", [op("Transpose", [any("x")]).named("inner")]).named("outer")
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        let [x] = found.values(["x"]);
        let rank = edit.fact(x).rank();
        let first = permutation(edit, found.node("inner"), rank)?;
        let second = permutation(edit, found.node("outer"), rank)?;
        let joined: Option<Vec<i64>> = second.iter().map(|k| first.get(usize::try_from(*k).ok()?).copied()).collect();
        let joined = joined.filter(|_| first.len() == second.len()).ok_or(Skip::because("a permutation is not valid"))?;
        if joined.iter().enumerate().all(|(k, p)| *p == k as i64) {
            return Ok(x.into());
        }
        Ok(edit.add("Transpose", vec![Attribute::new("perm", joined)], &[Some(x)]).into())
    }
}

fn permutation(edit: &Edit<'_>, node: NodeId, rank: Option<usize>) -> Result<Vec<i64>, Skip> {
    match (edit.call(node).ints("perm"), rank) {
        (Some(perm), _) => Ok(perm.to_vec()),
        (None, Some(rank)) => Ok((0..rank as i64).rev().collect()),
        (None, None) => Err(Skip::because("rank is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    #[test]
    fn joins_two_permutations() {
        assert_rewrites!(
            MergeTransposes,
            "g (float[p,q,r] x) => (float[r,p,q] y) { a = Transpose <perm = [1, 2, 0]> (x) y = Transpose <perm = [1, 2, 0]> (a) }",
            @"
        -   a = Transpose(x) <perm = [1, 2, 0]>
        -   y = Transpose(a) <perm = [1, 2, 0]>
        +   y = Transpose(x) <perm = [2, 0, 1]>
        "
        );
    }

    #[test]
    fn an_inverse_pair_goes() {
        assert_rewrites!(
            MergeTransposes,
            "g (float[p,q] x) => (float[p,q] y) { i = Neg(x) a = Transpose(i) b = Transpose <perm = [1, 0]> (a) y = Relu(b) }",
            @"
        -   a = Transpose(i)
        -   b = Transpose(a) <perm = [1, 0]>
        -   y = Relu(b)
        +   y = Relu(i)
        "
        );
    }

    #[test]
    fn leaves_a_transpose_that_is_read_elsewhere_alone() {
        assert_leaves!(
            MergeTransposes,
            "g (float[p,q] x) => (float[p,q] y, float[q,p] a) { a = Transpose <perm = [1, 0]> (x) y = Transpose <perm = [1, 0]> (a) }",
            "used elsewhere"
        );
    }
}
