//! A pass that spoils a model is named and undone; the others still do their work.

use shrinx::{
    Pipeline, PipelineOptions, Verify,
    ir::{Model, Tensor, text},
    rewrite::{Context, Edit, Fidelity, Level, Match, Pass, PassError, Pattern, Registry, Replacement, Rewrite, Skip, any, op},
};
use shrinx_runtime::Rten;

/// Takes a Neg for a Relu.
struct Wrong;

impl Rewrite for Wrong {
    fn name(&self) -> &'static str {
        "wrong"
    }

    fn summary(&self) -> &'static str {
        "Computes something else"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn pattern(&self) -> Pattern {
        op("Neg", [any("x")])
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        let [x] = found.values(["x"]);
        Ok(edit.add("Relu", vec![], &[Some(x)]).into())
    }
}

/// Takes the difference from a stored zero for a Neg.
struct Grows;

impl Rewrite for Grows {
    fn name(&self) -> &'static str {
        "grows"
    }

    fn summary(&self) -> &'static str {
        "Stores a long row of zeros"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn pattern(&self) -> Pattern {
        op("Neg", [any("x")])
    }

    fn rewrite(&self, found: &Match, edit: &mut Edit<'_>) -> Result<Replacement, Skip> {
        let [x] = found.values(["x"]);
        let zeros = edit.add_constant_named(&"zeros".repeat(20), Tensor::from_f32([1, 4], &[0.0; 4]));
        Ok(edit.add("Sub", vec![], &[Some(zeros), Some(x)]).into())
    }
}

/// Removes the node that makes the output.
struct Cuts;

impl Pass for Cuts {
    fn name(&self) -> &'static str {
        "cuts"
    }

    fn summary(&self) -> &'static str {
        "Breaks the graph"
    }

    fn fidelity(&self) -> Fidelity {
        Fidelity::Exact
    }

    fn run(&self, model: &mut Model, _: &mut Context<'_>) -> Result<(), PassError> {
        let maker = model.producer(model.scope(Model::MAIN).outputs()[0].value);
        if let Some((node, _)) = maker {
            model.kill(node);
        }
        Ok(())
    }
}

const SOURCE: &str = "g (float[N,4] x) => (float[N,4] y) { a = Identity(x) b = Neg(a) y = Sigmoid(b) }";

fn run(registry: &Registry, verify: Verify) -> (String, Vec<String>) {
    let runtime = Rten::default();
    let options = PipelineOptions { verify, runtime: Some(&runtime), ..PipelineOptions::default() };
    let outcome = Pipeline::new(registry, &options).unwrap().run(text::parse(SOURCE).unwrap());
    let undone = outcome.report.failures.iter().map(|f| f.pass.clone()).collect();
    (text::print_with(&outcome.model, &text::TextOptions { header: false, ..Default::default() }), undone)
}

#[test]
fn one_that_changes_values_is_found_out() {
    for verify in [Verify::Each, Verify::End] {
        let registry = shrinx::standard().with(Level::One, Wrong.pass());
        let (result, undone) = run(&registry, verify);
        assert_eq!(undone, ["wrong"]);
        assert!(result.contains("Neg(x)") && !result.contains("Identity"), "{result}");
    }
}

#[test]
fn one_that_breaks_the_graph_is_found_out_even_without_running() {
    let registry = shrinx::standard().with(Level::One, Box::new(Cuts));
    let (result, undone) = run(&registry, Verify::Off);
    assert_eq!(undone, ["cuts"]);
    assert!(result.contains("y = Sigmoid(b)") && !result.contains("Identity"), "{result}");
}

#[test]
fn a_raised_opset_is_given_up_where_the_file_would_grow() {
    let source = "<ir_version: 6, opset_import: [\"\": 11]> g (float[1,4] x) => (float[4] y) { a = Neg(x) y = Squeeze <axes = [0]> (a) }";
    let registry = shrinx::standard();
    let options = PipelineOptions { level: 2, verify: Verify::Off, ..PipelineOptions::default() };
    let outcome = Pipeline::new(&registry, &options).unwrap().run(text::parse(source).unwrap());
    let undone: Vec<&str> = outcome.report.failures.iter().map(|f| f.pass.as_str()).collect();
    assert_eq!(undone, ["raise-opset"]);
    assert_eq!((outcome.model.opset(Model::MAIN, ""), outcome.model.nodes().count()), (Some(11), 2));
}

#[test]
fn one_that_makes_the_model_larger_is_found_out() {
    let registry = shrinx::standard().with(Level::One, Grows.pass());
    let (result, undone) = run(&registry, Verify::End);
    assert_eq!(undone, ["grows"]);
    assert!(result.contains("Neg(x)") && !result.contains("Identity"), "{result}");
}
