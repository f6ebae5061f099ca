//! Two initializers with the same elements ⟶ one.
//!
//! Within one scope. Never one that a caller may override, or that is an output.

use super::merge_duplicates::fingerprint_of_tensor;
use rustc_hash::{FxHashMap, FxHasher};
use shrinx_rewrite::{
    Context, Fidelity, Pass, PassError,
    ir::{Model, ValueId},
};
use std::hash::Hasher;

/// The pass `share-initializers`.
pub struct ShareInitializers;

impl Pass for ShareInitializers {
    fn name(&self) -> &'static str {
        "share-initializers"
    }

    fn summary(&self) -> &'static str {
        "Stores equal constants once"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn run(&self, model: &mut Model, context: &mut Context<'_>) -> Result<(), PassError> {
        let scopes: Vec<_> = model.scopes().collect();
        for scope in scopes {
            let mut seen: FxHashMap<u64, Vec<ValueId>> = FxHashMap::default();
            for value in model.scope(scope).initializers().to_vec() {
                let Some(tensor) = model.constant(value).filter(|_| !model.is_output(value) && model.use_count(value) > 0) else {
                    continue;
                };
                let mut hasher = FxHasher::default();
                fingerprint_of_tensor(tensor, &mut hasher);
                let alike = seen.entry(hasher.finish()).or_default();
                let first = alike.iter().copied().find(|v| model.constant(*v).is_some_and(|t| t.same_content(tensor)));
                match first {
                    None => alike.push(value),
                    Some(first) => {
                        model.replace_uses(value, first);
                        model.drop_initializer(value);
                        context.notes.applied(1);
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::{assert_leaves, assert_rewrites};

    fn pass() -> Box<dyn Pass> {
        Box::new(ShareInitializers)
    }

    #[test]
    fn stores_equal_constants_once() {
        assert_rewrites!(
            pass(),
            "g (float[2] x) => (float[2] y) <float[2] a = {1, 2}, float[2] b = {1, 2}> { c = Add(x, a) y = Mul(c, b) }",
            @"
        -   float[2] a = {1.0, 2.0},
        -   float[2] b = {1.0, 2.0}
        +   float[2] a = {1.0, 2.0}
          ...
        -   y = Mul(c, b)
        +   y = Mul(c, a)
        "
        );
    }

    #[test]
    fn leaves_equal_numbers_of_other_types_and_shapes_alone() {
        assert_leaves!(
            pass(),
            "g (float[2] x) => (float[1,2] y) <float[2] a = {1, 2}, float[1,2] b = {1, 2}> { c = Add(x, a) y = Mul(c, b) }",
            ""
        );
    }
}
