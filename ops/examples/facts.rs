//! Prints what is inferred of a model: `facts MODEL [INPUT=D0,D1,..]..`.
//!
//! One line a value: name, element type, shape, multiplications of the node that makes it. With lengths of inputs given, shapes are numbers, and `?` where
//! they depend on more than these.
#![allow(clippy::print_stdout, reason = "printing is what this example is for")]

use shrinx_ir::{Dim, Model, Symbol, ValueId, read};
use shrinx_ops::{Facts, Inference, OpTable};
use std::{cell::Cell, collections::BTreeMap, error::Error, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (file, given) = arguments.split_first().ok_or("usage: facts MODEL [INPUT=D0,D1,..]..")?;
    let model = read::read_file(Path::new(file), &read::ReadOptions::default())?;
    let ops = OpTable::standard();
    let mut facts = Facts::infer(&model, &ops);
    for (node, problem) in facts.problems() {
        println!("! {node}: {problem}");
    }
    let bound = bind(&model, &facts, given)?;
    for value in model.values() {
        let fact = facts.of(value).clone();
        let dtype = fact.dtype.map_or("?".into(), |t| t.to_string());
        let shape = fact.shape.map(|s| s.iter().map(|d| show(&facts, &bound, d)).collect::<Vec<_>>().join(","));
        let shape = shape.map_or("?".into(), |s| format!("[{s}]"));
        let macs = macs(&model, &ops, &mut facts, value).map_or(String::new(), |m| show(&facts, &bound, &m));
        println!("{}\t{dtype}\t{shape}\t{macs}", model.name(value));
    }
    Ok(())
}

type Bound = Option<BTreeMap<Symbol, i64>>;

/// The numbers of the symbols in the shapes of inputs.
fn bind(model: &Model, facts: &Facts, given: &[String]) -> Result<Bound, Box<dyn Error>> {
    let mut bound = BTreeMap::new();
    for argument in given {
        let (name, lengths) = argument.split_once('=').ok_or("an argument without `=`")?;
        let value = model.find(Model::MAIN, name).ok_or("no such input")?;
        let lengths = lengths.split(',').filter(|d| !d.is_empty()).map(str::parse).collect::<Result<Vec<i64>, _>>()?;
        for (dim, length) in facts.of(value).shape.iter().flatten().zip(lengths) {
            if let Dim::Symbol(symbol) = dim {
                bound.insert(*symbol, length);
            }
        }
    }
    Ok((!given.is_empty()).then_some(bound))
}

fn show(facts: &Facts, bound: &Bound, dim: &Dim) -> String {
    let Some(bound) = bound else { return facts.symbols.show(dim) };
    let all_bound = Cell::new(true);
    let value = |symbol| {
        bound.get(&symbol).copied().unwrap_or_else(|| {
            all_bound.set(false);
            1
        })
    };
    facts.symbols.evaluate(dim, &value).filter(|_| all_bound.get()).map_or("?".into(), |n| n.to_string())
}

/// Multiplications of the node whose first output this value is.
fn macs(model: &Model, ops: &OpTable, facts: &mut Facts, value: ValueId) -> Option<Dim> {
    let (node, _) = model.producer(value).filter(|(_, port)| *port == 0)?;
    ops.of(model, node).macs?(&mut Inference::of(model, facts, node))
}
