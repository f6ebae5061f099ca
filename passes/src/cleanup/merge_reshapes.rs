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
