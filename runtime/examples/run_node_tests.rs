//! Compares rten with the expected outputs of cases that `dump_node_tests.py` wrote: `run_node_tests FOLDER [LIST]`.
//!
//! Prints a line per operator (cases that pass, deviate, are refused, fail in mid-run) and one per deviation. With `LIST` (the crate's `rten-ops.txt`), runs
//! without the list and writes it anew: per operator the element types of all nodes in cases that pass.

#![allow(clippy::print_stdout)] // what an example is for

use shrinx_ops::{
    Facts, Feeds, OpTable, Runtime, RuntimeError,
    ir::{DataType, Model, ReadOptions, Tensor, ValueId, read_file},
};
use shrinx_runtime::Rten;
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    path::{Path, PathBuf},
    time::Instant,
};

#[derive(Debug, PartialEq)]
enum Outcome {
    Pass(String),
    Mismatch(String),
    Refused(String),
    Failed(String),
}

/// Operator and, per case, what came of it.
type Tally = BTreeMap<String, [usize; 4]>;
/// Operator, and the types of what it reads and makes.
type Proven = BTreeMap<String, BTreeSet<String>>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("usage: run_node_tests FOLDER [LIST]")?;
    let list = arguments.next();
    let runtime = if list.is_some() { Rten::new().with_unproven_operators() } else { Rten::new() };
    let mut cases: Vec<PathBuf> = std::fs::read_dir(&folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    cases.sort();
    let (mut tally, mut proven, mut totals) = (Tally::new(), Proven::new(), [0; 4]);
    for case in &cases {
        let model = read_file(&case.join("model.onnx"), &ReadOptions::default())?;
        let outcome = run(&runtime, &model, case)?;
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        let place = match &outcome {
            Outcome::Pass(figures) => {
                println!("pass      {name}: {figures}");
                prove(&model, &mut proven);
                0
            }
            Outcome::Mismatch(what) => {
                println!("MISMATCH  {name}: {what}");
                1
            }
            Outcome::Refused(why) => {
                println!("refused   {name}: {why}");
                2
            }
            Outcome::Failed(why) => {
                println!("FAILED    {name}: {why}");
                3
            }
        };
        totals[place] += 1;
        tally.entry(subject(&model)).or_default()[place] += 1;
    }
    println!("\n{:<28}{:>6}{:>10}{:>9}{:>8}", "operator", "pass", "mismatch", "refused", "failed");
    for (op, [pass, mismatch, refused, failed]) in &tally {
        println!("{op:<28}{pass:>6}{mismatch:>10}{refused:>9}{failed:>8}");
    }
    let [pass, mismatch, refused, failed] = totals;
    println!("{:<28}{pass:>6}{mismatch:>10}{refused:>9}{failed:>8}", "total");
    if let Some(list) = list {
        write_list(&list, &proven)?;
    }
    if mismatch > 0 { Err(format!("{mismatch} cases deviate").into()) } else { Ok(()) }
}

/// The operator that a case is about.
fn subject(model: &Model) -> String {
    let ops: BTreeSet<String> = model.nodes().map(|n| model.node(n).op.to_string()).collect();
    let ops: Vec<String> = ops.into_iter().filter(|op| op != "Constant").collect();
    if let [op] = ops.as_slice() { op.clone() } else { "(several)".into() }
}

fn run(runtime: &dyn Runtime, model: &Model, case: &Path) -> Result<Outcome, Box<dyn Error>> {
    let data = read_file(&case.join("data.onnx"), &ReadOptions::default())?;
    let named: Vec<(&str, &Tensor)> =
        data.scope(Model::MAIN).initializers().iter().filter_map(|v| Some((data.name(*v), data.value(*v).initializer.as_ref()?))).collect();
    let feeds: Feeds = named.iter().filter_map(|(n, t)| Some((n.strip_prefix("in:")?, (*t).clone()))).collect();
    let expected: BTreeMap<&str, &Tensor> = named.iter().filter_map(|(n, t)| Some((n.strip_prefix("out:")?, *t))).collect();
    let in_main = model.values().filter(|v| model.scope_of(*v) == Model::MAIN);
    let wanted: Vec<ValueId> = in_main.filter(|v| expected.contains_key(model.name(*v))).collect();
    let start = Instant::now();
    let mut session = match runtime.prepare(model, &wanted) {
        Ok(session) => session,
        Err(why) => return Ok(Outcome::Refused(why.to_string())),
    };
    let prepared = start.elapsed().as_millis();
    let (mut worst, mut inner) = (0f64, 0f64);
    let mut problem = None;
    let ran = session.run(&feeds, &mut |value, made| {
        let is_output = model.is_output(value);
        match compare(&made, expected[model.name(value)], is_output) {
            Ok(error) if is_output => worst = worst.max(error),
            Ok(error) => inner = inner.max(error),
            Err(what) => problem = problem.take().or_else(|| Some(format!("{}: {what}", model.name(value)))),
        }
        Ok::<(), RuntimeError>(())
    });
    Ok(match (ran, problem) {
        (Err(why), _) => Outcome::Failed(why.to_string()),
        (Ok(()), Some(what)) => Outcome::Mismatch(what),
        (Ok(()), None) => Outcome::Pass(format!(
            "largest error {worst:.1e}, of inner values {inner:.1e}, {prepared} ms to prepare, {} ms in all",
            start.elapsed().as_millis()
        )),
    })
}

/// The largest error of floats, in units of the largest magnitude (at least 1). Outputs agree to 1e-3 relative and 1e-5 absolute; inner values, where a
/// difference of large numbers may leave little, to 1e-2 of the largest magnitude. What are no floats agree exactly.
fn compare(made: &Tensor, expected: &Tensor, is_output: bool) -> Result<f64, String> {
    if made.dtype != expected.dtype || made.dims != expected.dims {
        return Err(format!("{}{:?} instead of {}{:?}", made.dtype, made.dims, expected.dtype, expected.dims));
    }
    if let (Some(a), Some(b)) = (made.to_f64(), expected.to_f64()) {
        let scale = b.iter().filter(|b| b.is_finite()).fold(1f64, |m, b| m.max(b.abs()));
        let absolute = if is_output { 1e-5 } else { 1e-2 * scale };
        let mut worst = 0f64;
        for (a, b) in a.iter().zip(&b).filter(|(a, b)| !(a == b || a.is_nan() && b.is_nan())) {
            let error = (a - b).abs();
            if error.is_nan() || error > absolute + 1e-3 * b.abs() {
                return Err(format!("{a} instead of {b}, where the largest is {scale}"));
            }
            worst = worst.max(error / scale);
        }
        return Ok(worst);
    }
    if made.same_content(expected) { Ok(0.0) } else { Err(format!("{:?} instead of {:?}", head(made), head(expected))) }
}

fn head(tensor: &Tensor) -> Vec<i64> {
    tensor.to_integers().unwrap_or_default().into_iter().take(12).collect()
}

/// Takes note of every node of a case that passed: `OP INPUTS>OUTPUT`, where equal types at the end of the inputs are one, and `_` is an absent port. What
/// constants and bodies hold is checked for itself.
fn prove(model: &Model, proven: &mut Proven) {
    let facts = Facts::infer(model, &OpTable::standard());
    for id in model.nodes() {
        let node = model.node(id);
        let entry = proven.entry(node.op.to_string()).or_default();
        let word = |value: Option<ValueId>| value.map_or(Some("_"), |v| facts.of(v).dtype.map(DataType::name));
        let inputs: Option<Vec<&str>> = model.inputs(id).into_iter().map(word).collect();
        let output = model.outputs(id).first().copied().flatten().and_then(|v| facts.of(v).dtype);
        let any = node.is("Constant") || node.bodies().next().is_some();
        if let (Some(mut inputs), Some(output), false) = (inputs, output, any) {
            while inputs.len() > 1 && inputs[inputs.len() - 1] == inputs[inputs.len() - 2] {
                inputs.pop();
            }
            entry.insert(format!("{}>{output}", inputs.join(",")));
        }
    }
}

fn write_list(path: &Path, proven: &Proven) -> std::io::Result<()> {
    let head =
        "# Written by examples/run_node_tests.rs: operators, and the types of inputs > first output for which rten agreed with the tests.";
    let line = |(op, signatures): (&String, &BTreeSet<String>)| {
        let words: Vec<&str> = std::iter::once(op).chain(signatures).map(String::as_str).collect();
        words.join(" ")
    };
    let lines: Vec<String> = std::iter::once(head.into()).chain(proven.iter().map(line)).collect();
    std::fs::write(path, lines.join("\n") + "\n")
}
