//! Arithmetic on contents, cell by cell: how inference follows shape computations. Cells are integers that may depend on symbols.

use crate::{Fact, Inference, kernels::broadcast::Broadcast};
use shrinx_ir::{DataType, Derived, Dim, Symbols};
use std::cmp::Ordering;

/// An operation on two cells; `None` where its result cannot be told.
pub(crate) type CellOp = fn(&mut Symbols, &Dim, &Dim) -> Option<Dim>;

/// Contents together with the shape that they fill.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    pub(crate) dims: Vec<u64>,
    pub(crate) cells: Vec<Dim>,
}

impl Contents {
    /// What is known of a value's contents, where its shape is known too.
    pub(crate) fn of(fact: &Fact) -> Option<Self> {
        let cells = fact.contents.clone()?;
        let dims: Vec<u64> = fact.known_shape()?.into_iter().map(|d| u64::try_from(d).ok()).collect::<Option<_>>()?;
        let count = dims.iter().try_fold(1u64, |n, d| n.checked_mul(*d))?;
        (count == cells.len() as u64).then_some(Self { dims, cells })
    }

    /// The operation on all pairs of cells of two contents that broadcast.
    pub(crate) fn zip(symbols: &mut Symbols, a: &Self, b: &Self, op: CellOp) -> Option<Self> {
        let walk = Broadcast::new([&a.dims, &b.dims])?;
        if walk.len()? > Fact::MAX_CONTENTS {
            return None;
        }
        let cells = walk.cells().map(|[i, j]| op(symbols, &a.cells[i], &b.cells[j])).collect::<Option<_>>()?;
        Some(Self { dims: walk.dims, cells })
    }
}

/// The fact with these contents, as far as a tensor of its type may have them: numbers in range, and of floats whole numbers only.
pub(crate) fn fill(fact: Fact, contents: Option<Vec<Dim>>) -> Fact {
    let limit = fact.dtype.and_then(Fact::exact_integers);
    let float = fact.dtype.is_some_and(DataType::is_float);
    let holds = |cell: &Dim| match (cell.known(), limit) {
        (Some(n), Some((low, high))) => (low..=high).contains(&n),
        (None, Some(_)) => !float,
        (_, None) => false,
    };
    fact.with_contents(contents.filter(|all| all.iter().all(holds)))
}

/// The contents of all inputs, joined from the left.
pub(crate) fn join(cx: &mut Inference<'_>, op: CellOp) -> Option<Vec<Dim>> {
    if cx.call.opset < 7 {
        return None;
    }
    let mut all = Contents::of(cx.input(0))?;
    for port in 1..cx.input_count() {
        let next = Contents::of(cx.input(port))?;
        all = Contents::zip(cx.symbols(), &all, &next, op)?;
    }
    Some(all.cells)
}

/// The contents of the first input, each cell changed.
pub(crate) fn map(cx: &mut Inference<'_>, op: fn(&mut Symbols, &Dim) -> Option<Dim>) -> Option<Vec<Dim>> {
    let cells = cx.contents(0)?;
    cells.iter().map(|cell| op(cx.symbols(), cell)).collect()
}

/// Whether `a` is never less than `b`.
fn at_least(symbols: &Symbols, a: &Dim, b: &Dim) -> bool {
    a.sub(b).is_some_and(|d| symbols.is_nonnegative(&d))
}

fn above(symbols: &Symbols, a: &Dim, b: &Dim) -> bool {
    b.add(&1.into()).is_some_and(|next| at_least(symbols, a, &next))
}

/// How two cells compare, as far as that is certain for all values of the symbols: the orders that are possible.
fn possible(symbols: &Symbols, a: &Dim, b: &Dim) -> &'static [Ordering] {
    use Ordering::{Equal, Greater, Less};
    if a == b {
        &[Equal]
    } else if above(symbols, a, b) {
        &[Greater]
    } else if above(symbols, b, a) {
        &[Less]
    } else if at_least(symbols, a, b) {
        &[Equal, Greater]
    } else if at_least(symbols, b, a) {
        &[Less, Equal]
    } else {
        &[Less, Equal, Greater]
    }
}

/// A bool: whether the order of two cells is one that `holds`.
pub(crate) fn compare(symbols: &Symbols, a: &Dim, b: &Dim, holds: fn(Ordering) -> bool) -> Option<Dim> {
    let orders = possible(symbols, a, b);
    let yes = holds(orders[0]);
    orders.iter().all(|o| holds(*o) == yes).then(|| Dim::Known(i64::from(yes)))
}

pub(crate) fn add(_: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    a.add(b)
}

pub(crate) fn sub(_: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    a.sub(b)
}

pub(crate) fn mul(_: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    a.mul(b)
}

/// Integer division, towards zero. For lengths that is rounding down, and written so, as pooling writes it.
pub(crate) fn div(symbols: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    match (a, b) {
        (Dim::Known(a), Dim::Known(b)) => a.checked_div(*b).map(Dim::Known),
        (_, Dim::Known(0)) => None,
        _ if symbols.is_nonnegative(a) && symbols.is_nonnegative(b) => Some(symbols.derive(Derived::FloorDiv, a, b)),
        _ => Some(symbols.derive(Derived::TruncDiv, a, b)),
    }
}

/// Division of floats that are whole numbers, where it leaves no rest.
pub(crate) fn div_exact(_: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    a.div_exact(b)
}

/// The rest, with the sign of the divisor.
pub(crate) fn modulo(symbols: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    match (a, b) {
        (Dim::Known(x), Dim::Known(y)) => x.checked_rem(*y).map(|r| Dim::Known(if r != 0 && (r < 0) != (*y < 0) { r + y } else { r })),
        (_, Dim::Known(y)) if *y > 0 => Some(if a.div_exact(b).is_some() { 0.into() } else { symbols.derive(Derived::Mod, a, b) }),
        _ => None,
    }
}

/// The rest, with the sign of the dividend.
pub(crate) fn fmod(symbols: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    match (a, b) {
        (Dim::Known(x), Dim::Known(y)) => x.checked_rem(*y).map(Dim::Known),
        _ if symbols.is_nonnegative(a) => modulo(symbols, a, b),
        _ => None,
    }
}

pub(crate) fn min(symbols: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    Some(if at_least(symbols, b, a) {
        a.clone()
    } else if at_least(symbols, a, b) {
        b.clone()
    } else {
        symbols.derive(Derived::Min, a, b)
    })
}

pub(crate) fn max(symbols: &mut Symbols, a: &Dim, b: &Dim) -> Option<Dim> {
    Some(if at_least(symbols, a, b) {
        a.clone()
    } else if at_least(symbols, b, a) {
        b.clone()
    } else {
        symbols.derive(Derived::Max, a, b)
    })
}

pub(crate) fn neg(_: &mut Symbols, a: &Dim) -> Option<Dim> {
    Dim::Known(0).sub(a)
}

pub(crate) fn abs(symbols: &mut Symbols, a: &Dim) -> Option<Dim> {
    let opposite = neg(symbols, a)?;
    if symbols.is_nonnegative(a) { Some(a.clone()) } else { symbols.is_nonnegative(&opposite).then_some(opposite) }
}

/// 1 for anything but zero.
pub(crate) fn truth(symbols: &mut Symbols, a: &Dim) -> Option<Dim> {
    compare(symbols, a, &0.into(), Ordering::is_ne)
}
