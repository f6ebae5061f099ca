//! The driver, tried with silly rewrites: one that loops, one that breaks a type, one that lies, one that renames an output.

use shrinx_rewrite::{
    Context, Edit, Fidelity, Match, PassError, Pattern, Replacement, Rewrite, Skip, any,
    ir::{
        Attribute, DataType, Model, text,
        verify::{Signature, verify},
    },
    op,
    ops::OpTable,
};

/// A rewrite of `Neg(x)` from a function.
struct Silly(&'static str, fn(&Match, &mut Edit<'_>) -> Result<Replacement, Skip>);

impl Rewrite for Silly {
    fn name(&self) -> &'static str {
        self.0
    }

    fn summary(&self) -> &'static str {
        "Is silly"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn pattern(&self) -> Pattern {
        op("Neg", [any("x")]).named("neg")
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        (self.1)(found, edit)
    }
}

const SOURCE: &str = "g (float[N,4] x) => (float[N,4] y, float[N,4] z) { y = Neg(x) t = Neg(y) z = Relu(t) }";

fn run(silly: Silly, source: &str) -> (Model, Context<'static>, Result<(), PassError>) {
    let ops: &'static OpTable = Box::leak(Box::new(OpTable::standard()));
    let mut model = text::parse(source).unwrap();
    let signature = Signature::of(&model);
    let mut context = Context::new(&model, ops);
    let outcome = silly.pass().run(&mut model, &mut context);
    if outcome.is_ok() {
        model.compact();
        assert_eq!(verify(&model), vec![]);
        assert_eq!(signature.compare(&Signature::of(&model)), vec![]);
    }
    (model, context, outcome)
}

fn replace_by_neg(found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
    let [x] = found.values(["x"]);
    Ok(edit.add("Neg", vec![], &[Some(x)]).into())
}

#[test]
fn one_that_loops_is_stopped_by_name() {
    let (_, _, outcome) = run(Silly("loops", replace_by_neg), SOURCE);
    assert!(matches!(outcome, Err(PassError::Endless { pass, .. }) if pass == "loops"));
}

#[test]
fn one_that_breaks_a_type_is_stopped_by_name_and_node() {
    let to_int = |found: &Match, edit: &mut Edit<'_>| {
        let [x] = found.values(["x"]);
        let to = Attribute::new("to", i64::from(DataType::Int32.code()));
        Ok(edit.add("Cast", vec![to], &[Some(x)]).into())
    };
    let (_, _, outcome) = run(Silly("breaks-a-type", to_int), SOURCE);
    let problem = outcome.unwrap_err().to_string();
    assert_eq!(problem, "`breaks-a-type` at node (Neg): the replacement has element type int32 instead of float");
}

#[test]
fn one_that_changes_a_rank_is_stopped() {
    let flatter = |found: &Match, edit: &mut Edit<'_>| {
        let [x] = found.values(["x"]);
        Ok(edit.add("Flatten", vec![Attribute::new("axis", 0i64)], &[Some(x)]).into())
    };
    let (_, _, outcome) = run(Silly("changes-a-rank", flatter), "g (float[2,3,4] x) => (float[2,3,4] y) { y = Neg(x) }");
    assert!(outcome.unwrap_err().to_string().contains("has shape [1, 24] instead of [2, 3, 4]"));
}

#[test]
fn one_that_lies_changes_nothing() {
    // It adds nodes and then says that it does not apply: everything is taken back, and the revision tells no change.
    let lies = |found: &Match, edit: &mut Edit<'_>| {
        let _ = replace_by_neg(found, edit);
        Err(Skip::because("it thought better of it"))
    };
    let (model, context, outcome) = run(Silly("lies", lies), SOURCE);
    assert_eq!(outcome, Ok(()));
    assert_eq!((model.revision(), model.nodes().count()), (0, 3));
    assert_eq!(context.notes.skipped["it thought better of it"].count, 2);
}

#[test]
fn one_that_replaces_an_output_does_not_rename_it() {
    // `y` is an output and feeds on: its readers and its name stay, whoever makes it.
    let to_relu = |found: &Match, edit: &mut Edit<'_>| {
        let [x] = found.values(["x"]);
        Ok(edit.add("Relu", vec![], &[Some(x)]).into())
    };
    let (model, _, outcome) = run(Silly("renames", to_relu), SOURCE);
    assert_eq!(outcome, Ok(()));
    let printed = text::print_with(&model, &text::TextOptions { header: false, ..Default::default() });
    assert!(printed.contains("y = Relu(x)") && printed.contains("= Relu(y)"), "{printed}");
}

#[test]
fn an_output_that_would_become_an_input_keeps_its_node() {
    let drop = |found: &Match, _: &mut Edit<'_>| {
        let [x] = found.values(["x"]);
        Ok(x.into())
    };
    let (model, context, outcome) = run(Silly("drops", drop), "g (float[4] x) => (float[4] y) { y = Neg(x) }");
    assert_eq!(outcome, Ok(()));
    assert_eq!((model.revision(), model.nodes().count()), (0, 1));
    assert!(context.notes.skipped.contains_key("it stands between an input and an output of the graph"));
}

#[test]
fn a_constant_stands_for_an_output_only_where_that_is_not_larger() {
    let hand_on = |found: &Match, _: &mut Edit<'_>| Ok(found.values(["x"])[0].into());
    let source = "g (float[N] x) => (float[N] a, float16[2,3] y) <float16[2,3] c = {1, 2, 3, 4, 5, 6}> { a = Relu(x) y = Neg(c) }";
    let (_, context, _) = run(Silly("grows", hand_on), source);
    assert_eq!(context.notes.skipped.keys().collect::<Vec<_>>(), ["a constant in the place of the output would be larger"]);
    let chain = source.replace("y = Neg(c)", "b = Sigmoid(c) d = Sigmoid(b) y = Neg(e) e = Add(c, d)");
    let zero = |_: &Match, edit: &mut Edit<'_>| {
        let zeros = edit.add_constant_named("z", shrinx_rewrite::ir::Tensor::raw(DataType::Float16, [2, 3], vec![0; 12]));
        Ok(zeros.into())
    };
    let (model, context, _) = run(Silly("pays", zero), &chain);
    assert_eq!((context.notes.applied, context.notes.skipped.len()), (1, 0), "{}", text::print(&model));
}

#[test]
fn an_inner_value_that_is_read_elsewhere_stays() {
    struct Pair;
    impl Rewrite for Pair {
        fn name(&self) -> &'static str {
            "pair"
        }
        fn summary(&self) -> &'static str {
            "Drops a pair"
        }
        fn fidelity(&self) -> Fidelity {
            Fidelity::Exact
        }
        fn pattern(&self) -> Pattern {
            op("Neg", [op("Neg", [any("x")])])
        }
        fn rewrite(&self, found: &Match, _: &mut Edit<'_>) -> Result<Replacement, Skip> {
            let [x] = found.values(["x"]);
            Ok(x.into())
        }
    }
    let ops = OpTable::standard();
    for (source, left) in [
        ("g (float[4] x) => (float[4] y) { a = Neg(x) b = Neg(a) y = Relu(b) }", 1),
        ("g (float[4] x) => (float[4] y) { a = Neg(x) b = Neg(a) y = Add(a, b) }", 3),
        // A capture is a use like any other.
        (
            "g (float[4] x, bool c) => (float[4] y, float[4] z) { a = Neg(x) b = Neg(a) y = Relu(b)
               z = If <then_branch = t () => (float[4] p) { p = Relu(a) }, else_branch = e () => (float[4] q) { q = Relu(x) }> (c) }",
            6,
        ),
    ] {
        let mut model = text::parse(source).unwrap();
        let mut context = Context::new(&model, &ops);
        Pair.pass().run(&mut model, &mut context).unwrap();
        model.compact();
        assert_eq!(verify(&model), vec![]);
        assert_eq!(model.nodes().count(), left, "{source}");
    }
}
