//! Control flow: `If`, `Loop`, `Scan` (ONNX operators of the same names). Their bodies are inferred first, by the driver in `facts`.

use crate::{Fact, Facts, Inference, Inferred, OpSpec, facts};
use shrinx_ir::{DataType, Dim, Model, NodeId, ScopeId};

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("If", if_branches), OpSpec::new("Loop", loop_body), OpSpec::new("Scan", scan_body)];

/// What a body's inputs receive from the node that holds it. Carried values change from turn to turn, so only their types are told.
pub(crate) fn body_arguments(facts: &Facts, model: &Model, node: NodeId, body: ScopeId) -> Vec<Fact> {
    let holder = model.node(node);
    let inputs = model.inputs(node);
    if holder.is("Loop") {
        let counter = Fact::new(Some(DataType::Int64), Some(vec![]));
        let condition = Fact::new(Some(DataType::Bool), Some(vec![]));
        let carried = inputs.iter().skip(2).map(|v| v.map_or(Fact::UNKNOWN, |v| Fact::new(facts.of(v).dtype, None)));
        return [counter, condition].into_iter().chain(carried).collect();
    }
    if holder.is("Scan") {
        let skip = usize::from(model.opset(holder.scope(), "").is_some_and(|v| v < 9));
        let types = inputs.iter().skip(skip).map(|v| v.map_or(Fact::UNKNOWN, |v| Fact::new(facts.of(v).dtype, None)));
        return types.take(model.scope(body).inputs().len()).collect();
    }
    Vec::new()
}

fn if_branches(cx: &mut Inference<'_>) -> Inferred {
    let branches = [facts::body(cx.call.node, "then_branch"), facts::body(cx.call.node, "else_branch")];
    let [Some(then_branch), Some(else_branch)] = branches else { return Ok(Vec::new()) };
    let (a, b) = (outputs(cx, then_branch), outputs(cx, else_branch));
    Ok(a.iter().zip(&b).map(|(a, b)| meet(cx, a, b)).collect())
}

/// What holds of both.
fn meet(cx: &mut Inference<'_>, a: &Fact, b: &Fact) -> Fact {
    let shape = match (&a.shape, &b.shape) {
        (Some(a), Some(b)) if a.len() == b.len() => {
            Some(a.iter().zip(b).map(|(x, y)| if x == y { x.clone() } else { cx.fresh() }).collect::<Vec<Dim>>())
        }
        _ => None,
    };
    let contents = if a.contents == b.contents { a.contents.clone() } else { None };
    Fact::new(a.dtype.filter(|t| b.dtype == Some(*t)), shape).with_contents(contents)
}

fn outputs(cx: &Inference<'_>, body: ScopeId) -> Vec<Fact> {
    cx.model.scope(body).outputs().iter().map(|d| cx.facts.of(d.value).clone()).collect()
}

fn loop_body(cx: &mut Inference<'_>) -> Inferred {
    let Some(body) = facts::body(cx.call.node, "body") else { return Ok(Vec::new()) };
    let carried = cx.input_count().saturating_sub(2);
    let made = outputs(cx, body);
    Ok(made.iter().skip(1).enumerate().map(|(k, fact)| if k < carried { Fact::new(fact.dtype, None) } else { stacked(cx, fact) }).collect())
}

/// One value a turn, stacked along a new first axis.
fn stacked(cx: &mut Inference<'_>, fact: &Fact) -> Fact {
    let length = cx.fresh();
    Fact::new(fact.dtype, fact.rank().map(|rank| [vec![length], cx.fresh_shape(rank)].concat()))
}

fn scan_body(cx: &mut Inference<'_>) -> Inferred {
    let Some(body) = facts::body(cx.call.node, "body") else { return Ok(Vec::new()) };
    Ok(outputs(cx, body).iter().map(|fact| Fact::new(fact.dtype, None)).collect())
}
