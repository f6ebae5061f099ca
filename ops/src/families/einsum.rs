//! `Einsum`: shapes from its equation.

use crate::{Call, Fact, Inference, Inferred, OpSpec, channels::linear, infer::InferError};
use shrinx_ir::{Derived, Dim};
use std::collections::BTreeMap;

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("Einsum", einsum).cuts(linear::EINSUM).contracts(contracted).costs(einsum_macs)];

/// The axes of one operand: letters, and how many of them stand before the ellipsis, if it has one.
#[derive(Debug, PartialEq)]
struct Term {
    letters: Vec<u8>,
    ellipsis: Option<usize>,
}

/// The lengths of an equation's axes.
struct Axes {
    letters: BTreeMap<u8, Dim>,
    /// What the ellipsis stands for; `None` where its rank is not known.
    rest: Option<Vec<Dim>>,
}

fn einsum(cx: &mut Inference<'_>) -> Inferred {
    let (_, output, axes) = solve(cx)?;
    let shape = shape_of(&output, &axes)?;
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

/// The axes of each operand that the result does without.
fn contracted(cx: &Inference<'_>) -> Vec<(usize, usize)> {
    let Ok((terms, output)) = parse(cx.call) else { return Vec::new() };
    let mut axes = Vec::new();
    for (port, term) in terms.iter().enumerate() {
        let hidden = term.ellipsis.and_then(|_| cx.rank(port)?.checked_sub(term.letters.len())).unwrap_or(0);
        let place = |k: usize| if term.ellipsis.is_some_and(|at| k >= at) { k + hidden } else { k };
        let summed = term.letters.iter().enumerate().filter(|(_, letter)| !output.letters.contains(letter));
        axes.extend(summed.map(|(k, _)| (port, place(k))));
    }
    axes
}

/// Of two operands, every combination of all axes is one multiplication. How more are contracted is the runtime's choice.
fn einsum_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    let (terms, _, axes) = solve(cx).ok()?;
    match terms.len() {
        1 => Some(Dim::Known(0)),
        2 => super::product(axes.letters.values().chain(&axes.rest?)),
        _ => None,
    }
}

fn shape_of(output: &Term, axes: &Axes) -> Result<Option<Vec<Dim>>, InferError> {
    let unbound = |letter: u8| InferError(format!("no operand has the axis {} of the result", letter as char));
    let lengths: Result<Vec<Dim>, _> = output.letters.iter().map(|l| axes.letters.get(l).cloned().ok_or_else(|| unbound(*l))).collect();
    let mut lengths = lengths?;
    if let Some(at) = output.ellipsis {
        let Some(rest) = &axes.rest else { return Ok(None) };
        lengths.splice(at..at, rest.iter().cloned());
    }
    Ok(Some(lengths))
}

/// The operands' terms, the result's term, and the lengths of all axes.
fn solve(cx: &mut Inference<'_>) -> Result<(Vec<Term>, Term, Axes), InferError> {
    let (terms, output) = parse(cx.call)?;
    if terms.len() != cx.input_count() {
        return Err(InferError(format!("{} terms for {} operands", terms.len(), cx.input_count())));
    }
    let mut axes = Axes { letters: BTreeMap::new(), rest: Some(vec![]) };
    for (port, term) in terms.iter().enumerate() {
        bind(cx, port, term, &mut axes)?;
    }
    Ok((terms, output, axes))
}

/// The operands' terms, and the result's.
fn parse(call: Call<'_>) -> Result<(Vec<Term>, Term), InferError> {
    let equation: String = call.string("equation").unwrap_or("").chars().filter(|c| *c != ' ').collect();
    let (left, right) = equation.split_once("->").map_or((&equation[..], None), |(left, right)| (left, Some(right)));
    let terms: Vec<Term> = left.split(',').map(term).collect::<Result<_, _>>()?;
    let output = right.map_or_else(|| Ok(implicit_output(&terms)), term)?;
    Ok((terms, output))
}

fn term(text: &str) -> Result<Term, InferError> {
    let (before, after) = text.split_once("...").map_or((text, None), |(before, after)| (before, Some(after)));
    let letters: Vec<u8> = before.bytes().chain(after.unwrap_or("").bytes()).collect();
    if let Some(odd) = letters.iter().find(|b| !b.is_ascii_alphabetic()) {
        return Err(InferError(format!("`{}` in the equation", odd.escape_ascii())));
    }
    Ok(Term { letters, ellipsis: after.map(|_| before.len()) })
}

/// Without `->`: the ellipsis, then the letters that occur once, in order.
fn implicit_output(terms: &[Term]) -> Term {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    for letter in terms.iter().flat_map(|t| &t.letters) {
        *counts.entry(*letter).or_default() += 1;
    }
    let letters = counts.into_iter().filter(|(_, n)| *n == 1).map(|(letter, _)| letter).collect();
    Term { letters, ellipsis: terms.iter().any(|t| t.ellipsis.is_some()).then_some(0) }
}

fn bind(cx: &mut Inference<'_>, port: usize, term: &Term, axes: &mut Axes) -> Result<(), InferError> {
    let named = term.letters.len();
    let mut shape = match (cx.shape(port), term.ellipsis) {
        (Some(shape), Some(_)) if shape.len() >= named => shape,
        (Some(shape), None) if shape.len() == named => shape,
        (Some(shape), _) => return Err(InferError(format!("operand {port} has rank {}, its term {named} letters", shape.len()))),
        (None, Some(_)) => {
            axes.rest = None;
            cx.fresh_shape(named)
        }
        (None, None) => cx.fresh_shape(named),
    };
    if let Some(at) = term.ellipsis {
        let rest: Vec<Dim> = shape.drain(at..at + shape.len() - named).collect();
        if let Some(known) = axes.rest.take() {
            axes.rest = Some(cx.broadcast(&known, &rest)?);
        }
    }
    for (letter, length) in term.letters.iter().zip(shape) {
        let length = match (axes.letters.get(letter), length) {
            (Some(Dim::Known(a)), Dim::Known(b)) if *a != b && *a != 1 && b != 1 => {
                return Err(InferError(format!("axis {} has lengths {a} and {b}", *letter as char)));
            }
            (Some(bound), length) => cx.derive(Derived::Broadcast, &bound.clone(), &length),
            (None, length) => length,
        };
        axes.letters.insert(*letter, length);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, macs_of};

    fn of(equation: &str, shapes: &[&str]) -> String {
        facts_of(&graph(equation, shapes))
    }

    fn graph(equation: &str, shapes: &[&str]) -> String {
        let inputs: Vec<String> = shapes.iter().enumerate().map(|(k, shape)| format!("float{shape} x{k}")).collect();
        let names: Vec<String> = (0..shapes.len()).map(|k| format!("x{k}")).collect();
        format!("g ({}) => (y) {{ y = Einsum <equation = \"{equation}\"> ({}) }}", inputs.join(", "), names.join(", "))
    }

    #[test]
    fn explicit_and_implicit_results() {
        assert_eq!(of("bij, bjk -> bik", &["[B,2,3]", "[B,3,K]"]), "float[B,2,K]");
        assert_eq!(of("ij,jk", &["[I,3]", "[3,K]"]), "float[I,K]");
        assert_eq!(of("ba", &["[B,A]"]), "float[A,B]");
        assert_eq!(of("ii->i", &["[4,4]"]), "float[4]");
        assert_eq!(of("ij->", &["[4,N]"]), "float[]");
    }

    #[test]
    fn ellipses_broadcast() {
        assert_eq!(of("...ij,...jk->...ik", &["[N,1,2,3]", "[H,3,K]"]), "float[N,H,2,K]");
        assert_eq!(of("i...->...i", &["[I,2,3]"]), "float[2,3,I]");
        assert_eq!(of("...i", &["[2,I]"]), "float[2,I]");
        assert_eq!(of("...i->i...", &["[]"]), "float[?]");
    }

    #[test]
    fn contradictions() {
        assert_eq!(of("ij,jk", &["[2,3]", "[4,5]"]), "! Einsum: axis j has lengths 3 and 4");
        assert_eq!(of("ij", &["[2]"]), "! Einsum: operand 0 has rank 1, its term 2 letters");
        assert_eq!(of("i->k", &["[2]"]), "! Einsum: no operand has the axis k of the result");
        assert_eq!(of("i1", &["[2,2]"]), "! Einsum: `1` in the equation");
        assert_eq!(of("i,j", &["[2]"]), "! Einsum: 2 terms for 1 operands");
    }

    #[test]
    fn two_operands_multiply_all_axes() {
        assert_eq!(macs_of(&graph("...ij,jk->...ik", &["[N,2,3]", "[3,5]"])), "30*N");
        assert_eq!(macs_of(&graph("ij->ji", &["[2,3]"])), "0");
        assert_eq!(macs_of(&graph("i,i,i", &["[2]", "[2]", "[2]"])), "?");
    }
}
