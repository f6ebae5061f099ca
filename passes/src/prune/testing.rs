//! Cuts in tests: a graph as text, what goes by name, and the proof by running.

use super::{CutError, Kept, cut, prove};
use shrinx_rewrite::{
    check::Check,
    ir::{
        Model,
        verify::{Signature, verify},
    },
    ops::{Facts, OpTable},
    testing,
};

/// What is kept when values, axes and indices go, given as `"w 0 1 2; x 1 3"`: of `w`, axis 0 loses 1 and 2.
fn kept(model: &Model, losses: &str) -> Kept {
    let slices = losses.split(';').flat_map(|entry| {
        let mut words = entry.split_whitespace();
        let name = words.next().expect("a name");
        let value = model.find(Model::MAIN, name).unwrap_or_else(|| panic!("no value `{name}`"));
        let mut numbers = words.map(|n| n.parse().expect("a number"));
        let axis = numbers.next().expect("an axis");
        numbers.map(move |index| (value, axis, index)).collect::<Vec<_>>()
    });
    slices.collect()
}

/// Cuts, and checks what holds of every cut.
pub(super) fn proven(original: &Model, kept: &Kept) -> Model {
    let ops = OpTable::standard();
    let mut result = original.clone();
    cut(&mut result, &ops, kept).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(verify(&result), vec![]);
    assert_eq!(Signature::of(original).compare(&Signature::of(&result)), vec![]);
    assert_eq!(Facts::infer(&result, &ops).problems(), Facts::infer(original, &ops).problems());
    let runtime = shrinx_runtime::Rten::default();
    match prove(original, &ops, kept, &result, Some(&runtime)) {
        Check::Equal { runs, .. } => assert!(runs > 0 || kept.is_whole()),
        other => panic!("{other}\n{}", shrinx_rewrite::ir::text::print(&result)),
    }
    result
}

/// The model of a text after a cut that is proven by running.
pub(super) fn cut_text(source: &str, losses: &str) -> Model {
    let original = testing::model(source);
    proven(&original, &kept(&original, losses))
}

/// Why a text cannot be cut; it must be left as it was.
pub(super) fn refusal(source: &str, losses: &str) -> CutError {
    let mut model = testing::model(source);
    let revision = model.revision();
    let kept = kept(&model, losses);
    let error = cut(&mut model, &OpTable::standard(), &kept).expect_err("a refusal");
    assert_eq!(model.revision(), revision);
    error
}

/// The numbers of a constant.
pub(super) fn numbers(model: &Model, name: &str) -> Vec<i64> {
    let value = model.find(Model::MAIN, name).unwrap_or_else(|| panic!("no value `{name}`"));
    shrinx_rewrite::ops::constant(model, value).and_then(|t| t.to_integers()).expect("integers")
}
