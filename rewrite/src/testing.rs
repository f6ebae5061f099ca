//! Tests of passes: a graph as text in, the diff that the pass made out.
//!
//! [`assert_rewrites!`](crate::assert_rewrites) parses, runs the one pass, verifies, runs both graphs on made-up inputs and compares, runs the pass again
//! (nothing may change), and snapshots the diff. Its twin [`assert_leaves!`](crate::assert_leaves) expects no change, and the reason.

pub use insta;

use crate::{
    Context, Fidelity, Notes, Pass, Rewrite, Rewriting,
    check::{Check, Checker, TOLERANCE},
    diff,
};
use shrinx_ops::{
    OpTable,
    ir::{
        DataType, Model, Tensor, TensorData, text,
        verify::{Signature, verify},
    },
    seeded::seeded_tensor,
};

/// A pass, or a rewrite as one.
pub trait IntoPass {
    /// The pass.
    fn into_pass(self) -> Box<dyn Pass>;
}

impl<R: Rewrite> IntoPass for R {
    fn into_pass(self) -> Box<dyn Pass> {
        Box::new(Rewriting(self))
    }
}

impl IntoPass for Box<dyn Pass> {
    fn into_pass(self) -> Box<dyn Pass> {
        self
    }
}

/// What a pass did to a graph.
pub struct Outcome {
    /// The changed lines.
    pub diff: String,
    /// Reasons for leaving matches alone.
    pub notes: Notes,
}

/// The model of a text; constants that the text leaves out are made up.
pub fn model(source: &str) -> Model {
    let mut model = text::parse(source).unwrap_or_else(|e| panic!("the test's text: {e}"));
    let values: Vec<_> = model.values().collect();
    for value in values {
        let elided = model.value(value).initializer.as_ref().filter(|t| matches!(t.data, TensorData::Elided(_))).cloned();
        if let Some(Tensor { dtype, dims, .. }) = elided {
            let tensor = made_up(dtype, dims, model.name(value));
            model.set_initializer(value, Some(tensor));
        }
    }
    assert_eq!(verify(&model), vec![], "the test's text");
    model
}

/// Numbers between 0.1 and 2: good as weights and as variances.
fn made_up(dtype: DataType, dims: Vec<u64>, name: &str) -> Tensor {
    let tensor = seeded_tensor(dtype, dims.clone(), name, 7).unwrap_or_else(|| panic!("no elements can be made up for {dtype}"));
    match tensor.to_f64() {
        Some(values) => {
            let positive: Vec<f64> = values.iter().map(|x| 0.1 + x.abs().min(1.9)).collect();
            Tensor::from_f64(dtype, dims, &positive).unwrap_or(tensor)
        }
        None => tensor,
    }
}

/// Runs one pass on a graph and checks what holds of every pass.
pub fn run(pass: &dyn Pass, source: &str) -> Outcome {
    let original = model(source);
    let ops = OpTable::standard();
    let mut changed = original.clone();
    let mut context = Context::new(&changed, &ops);
    pass.run(&mut changed, &mut context).unwrap_or_else(|e| panic!("{e}"));
    let notes = std::mem::take(&mut context.notes);
    context.refresh(&mut changed);
    assert_eq!(verify(&changed), vec![], "after `{}`", pass.name());
    assert_eq!(Signature::of(&original).compare(&Signature::of(&changed)), vec![], "after `{}`", pass.name());

    let runtime = shrinx_runtime::Rten::default();
    match Checker::new(&original, &ops, Some(&runtime)).values(&changed) {
        Check::Differs { output, difference } => panic!("after `{}`, output `{output}` {difference}", pass.name()),
        Check::Equal { max_relative, .. } => {
            let bound = if pass.fidelity() == Fidelity::Exact { 1e-6 } else { TOLERANCE };
            assert!(max_relative <= bound, "after `{}`, outputs differ by {max_relative:.1e}", pass.name());
        }
        Check::NotRun { .. } | Check::Off => {}
    }
    let revision = changed.revision();
    pass.run(&mut changed, &mut context).unwrap_or_else(|e| panic!("a second time: {e}"));
    assert_eq!(changed.revision(), revision, "`{}` changes its own result", pass.name());
    Outcome { diff: diff::lines(&show(&original), &show(&changed), 0), notes }
}

fn show(model: &Model) -> String {
    text::print_with(model, &text::TextOptions { header: false, ..text::TextOptions::default() })
}

/// Runs a pass on a graph given as text and snapshots the diff: `assert_rewrites!(Pass, "text", @"diff")`.
#[macro_export]
macro_rules! assert_rewrites {
    ($pass:expr, $text:expr, @$snapshot:literal) => {{
        use $crate::testing::IntoPass as _;
        let outcome = $crate::testing::run(&*$pass.into_pass(), $text);
        assert!(!outcome.diff.is_empty(), "the pass changed nothing: {:?}", outcome.notes.skipped);
        $crate::testing::insta::assert_snapshot!(outcome.diff, @$snapshot);
    }};
}

/// Runs a pass on a graph given as text that it must leave alone, for a reason that contains `$reason`; empty where nothing matches at all.
#[macro_export]
macro_rules! assert_leaves {
    ($pass:expr, $text:expr, $reason:expr) => {{
        use $crate::testing::IntoPass as _;
        let outcome = $crate::testing::run(&*$pass.into_pass(), $text);
        assert_eq!(outcome.diff, "", "the pass changed something");
        let told = $reason.is_empty() || outcome.notes.skipped.keys().any(|r| r.contains($reason));
        assert!(told, "left alone for other reasons: {:?}", outcome.notes.skipped);
    }};
}
