//! `Reshape(Reshape(x, s), t)` ⟶ `Reshape(x, t)`.
//!
//! Needs a constant `t` without a zero (which would copy a length of the inner result), and no `allowzero`.

use shrinx_rewrite::{Edit, Fidelity, Match, Pattern, Replacement, Rewrite, Skip, any, constant, op};

/// The rewrite `merge-reshapes`.
pub struct MergeReshapes;

impl Rewrite for MergeReshapes {
    fn name(&self) -> &'static str {
        "merge-reshapes"
    }

    fn summary(&self) -> &'static str {
        "Skips a Reshape that feeds another"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn pattern(&self) -> Pattern {
        op("Reshape", [op("Reshape", [any("x"), any("s")]).named("inner"), constant("t")]).named("outer")
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        let [x, t] = found.values(["x", "t"]);
        if ["inner", "outer"].iter().any(|n| edit.call(found.node(n)).int("allowzero").unwrap_or(0) != 0) {
            return Err(Skip::because("allowzero is set"));
        }
        let target = edit.constant(t).and_then(|t| t.to_integers()).ok_or(Skip::because("the target is no list of integers"))?;
        if target.contains(&0) {
            return Err(Skip::because("the target copies a length of the inner result"));
        }
        Ok(edit.add_like(found.node("outer"), &[Some(x), Some(t)]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    #[test]
    fn skips_the_inner_one() {
        assert_rewrites!(
            MergeReshapes,
            "g (float[N,3,4] x) => (float[M,2] y) <int64[2] s = {-1, 12}, int64[2] t = {-1, 2}> { a = Reshape(x, s) y = Reshape(a, t) }",
            @"
        -   a = Reshape(x, s)
        -   y = Reshape(a, t)
        +   y = Reshape(x, t)
        "
        );
    }

    #[test]
    fn leaves_a_zero_alone() {
        assert_leaves!(
            MergeReshapes,
            "g (float[2,3,4] x) => (float[6,2,2] y) <int64[2] s = {6, 4}, int64[3] t = {0, 2, 2}> { a = Reshape(x, s) y = Reshape(a, t) }",
            "copies a length"
        );
    }
}
