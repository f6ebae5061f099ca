//! `Concat` and `Split`: along one axis, together and apart.

use crate::{
    Call, Fact, Fold, InferError, Inference, Inferred, OpSpec, QuantRule,
    call::normal_axis,
    channels::movement,
    infer::{Unknown, axis_of},
    kernels::{Grid, Join, elements::count},
    shrink,
    site::{Plan, Site},
};
use shrinx_ir::{Derived, Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Concat", concat).cuts(movement::CONCAT).quant(QuantRule::JOINS).folds(fold_concat),
    OpSpec::new("Split", split).cuts(movement::SPLIT).shrinks(shrink::split).quant(QuantRule::MOVES).folds(fold_split),
];

/// The axis to join along; opsets before 4 have a default.
pub(crate) fn joined_axis(call: Call<'_>, rank: usize) -> Result<usize, InferError> {
    let default = if call.opset < 4 { Some(1) } else { None };
    let axis = call.int("axis").or(default).ok_or_else(|| InferError("no axis is given".into()))?;
    axis_of(axis, rank)
}

fn concat(cx: &mut Inference<'_>) -> Inferred {
    let ports = cx.input_count();
    let dtype = (0..ports).find_map(|port| cx.dtype(port));
    let shapes: Vec<Option<Vec<Dim>>> = (0..ports).map(|port| cx.shape(port)).collect();
    let Some(rank) = shapes.iter().flatten().map(Vec::len).max() else { return Ok(vec![Fact::new(dtype, None)]) };
    let axis = joined_axis(cx.call, rank)?;
    if shapes.iter().flatten().any(|s| s.len() != rank) {
        // ONNX Runtime lets empty vectors pass among tensors of any rank.
        return Ok(vec![Fact::new(dtype, None)]);
    }
    let mut shape = Vec::with_capacity(rank);
    for k in 0..rank {
        let mut lengths = shapes.iter().map(|s| s.as_ref().map(|s| &s[k]));
        let length = if k == axis {
            lengths.try_fold(Dim::Known(0), |sum, length| Some(cx.add(&sum, length?)))
        } else {
            lengths.flatten().try_fold(None, |old: Option<Dim>, new| old.map_or(Ok(new.clone()), |old| same(&old, new)).map(Some))?
        };
        shape.push(length.unwrap_or_else(|| cx.fresh()));
    }
    let contents = join(cx).and_then(|plan| {
        let sources: Option<Vec<&[Dim]>> = (0..ports).map(|port| cx.input(port).contents.as_deref()).collect();
        plan.contents(&sources?)
    });
    Ok(vec![Fact::new(dtype, Some(shape)).with_contents(contents)])
}

/// One of two lengths that must be equal: the number, where one is.
fn same(a: &Dim, b: &Dim) -> Result<Dim, InferError> {
    match (a, b) {
        (Dim::Known(a), Dim::Known(b)) if a != b => Err(InferError(format!("lengths {a} and {b} are set side by side"))),
        (_, Dim::Known(_)) => Ok(b.clone()),
        _ => Ok(a.clone()),
    }
}

fn join(site: &impl Site) -> Option<Plan<Join>> {
    let shapes: Vec<Vec<u64>> = (0..site.call().node.input_count()).map(|port| site.dims(port)).collect::<Option<_>>()?;
    let mut dims = shapes.first()?.clone();
    let axis = joined_axis(site.call(), dims.len()).ok()?;
    dims[axis] = 0;
    let mut runs = Vec::with_capacity(shapes.len());
    for shape in &shapes {
        let fits = shape.len() == dims.len() && (0..dims.len()).all(|k| k == axis || shape[k] == dims[k]);
        dims[axis] = dims[axis].checked_add(*shape.get(axis).filter(|_| fits)?)?;
        runs.push(count(&shape[axis..])?);
    }
    Some(Plan { movement: Join { turns: count(&dims[..axis])?, runs }, dims: site.affordable(dims)? })
}

fn fold_concat(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let sources: Vec<&Tensor> = (0..fold.inputs.len()).map(|port| fold.input(port)).collect::<Option<_>>()?;
    join(fold)?.fold(&sources)
}

fn split(cx: &mut Inference<'_>) -> Inferred {
    let outputs = cx.output_count();
    let dtype = cx.dtype(0);
    let Some(from) = cx.shape(0).filter(|_| outputs > 0) else { return Ok(vec![Fact::new(dtype, None); outputs]) };
    let axis = cx.axis("axis", 0, from.len())?;
    let parts = match given_parts(cx) {
        Ok(Some(parts)) if parts.len() == outputs => parts,
        Ok(Some(parts)) => return Err(InferError(format!("{} lengths for {outputs} outputs", parts.len()))),
        Ok(None) => equal_parts(cx, &from[axis], outputs)?,
        Err(Unknown) => cx.fresh_shape(outputs),
    };
    let sum = parts.iter().fold(Dim::Known(0), |a, b| cx.add(&a, b));
    same(&sum, &from[axis]).map_err(|_| InferError(format!("an axis of length {:?} is split into {parts:?}", from[axis])))?;
    let numbers: Option<Vec<u64>> = crate::site::lengths(&parts);
    let facts = parts.into_iter().enumerate().map(|(k, part)| {
        let contents = cx.input(0).contents.as_ref().and_then(|all| slab(cx, axis, numbers.as_ref()?, k)?.contents(&[all]));
        let mut shape = from.clone();
        shape[axis] = part;
        Fact::new(dtype, Some(shape)).with_contents(contents)
    });
    Ok(facts.collect())
}

/// The lengths that the attribute (before opset 13) or the input tells.
fn given_parts(cx: &Inference<'_>) -> Result<Option<Vec<Dim>>, Unknown> {
    match attribute_parts(cx.call) {
        Some(parts) => Ok(Some(parts.iter().copied().map(Dim::Known).collect())),
        None if cx.has_input(1) => cx.contents(1).map(Some).ok_or(Unknown),
        None => Ok(None),
    }
}

fn attribute_parts(call: Call<'_>) -> Option<&[i64]> {
    if call.opset < 13 { call.ints("split") } else { None }
}

/// Parts of one length; from opset 18 on, the last may be shorter.
fn equal_parts(cx: &mut Inference<'_>, whole: &Dim, outputs: usize) -> Result<Vec<Dim>, InferError> {
    if let Some(whole) = whole.known() {
        let parts = equal_numbers(cx.call, whole, outputs)
            .ok_or_else(|| InferError(format!("a length of {whole} is split into {outputs} parts")))?;
        return Ok(parts.into_iter().map(Dim::Known).collect());
    }
    let parts = Dim::Known(outputs as i64);
    if cx.call.opset < 18 || whole.div_exact(&parts).is_some() {
        return Ok(vec![cx.derive(Derived::FloorDiv, whole, &parts); outputs]);
    }
    let raised = cx.add(whole, &Dim::Known(outputs as i64 - 1));
    let part = cx.derive(Derived::FloorDiv, &raised, &parts);
    let others = cx.mul(&part, &Dim::Known(outputs as i64 - 1));
    let last = cx.sub(whole, &others);
    Ok([vec![part; outputs - 1], vec![last]].concat())
}

fn equal_numbers(call: Call<'_>, whole: i64, outputs: usize) -> Option<Vec<i64>> {
    let outputs = Some(outputs as i64).filter(|n| *n > 0)?;
    let part = whole.checked_add(outputs - 1)? / outputs;
    let last = whole - part.checked_mul(outputs - 1)?;
    (last == part || (call.opset >= 18 && last >= 0)).then(|| (1..=outputs).map(|k| if k == outputs { last } else { part }).collect())
}

/// The `k`th of the parts into which an axis is split.
fn slab(site: &impl Site, axis: usize, parts: &[u64], k: usize) -> Option<Plan<Grid>> {
    let dims = site.dims(0)?;
    let total = parts.iter().try_fold(0u64, |sum, n| sum.checked_add(*n))?;
    if dims.get(axis) != Some(&total) {
        return None;
    }
    let start = parts[..k].iter().sum();
    let movement = Grid::of(&dims)?.sliced(axis, start, 1, *parts.get(k)?)?;
    Some(Plan { dims: site.affordable(movement.dims())?, movement })
}

fn fold_split(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let dims = fold.dims(0)?;
    let axis = normal_axis(fold.call.int("axis").unwrap_or(0), dims.len())?;
    let outputs = fold.call.node.output_count();
    let parts = match attribute_parts(fold.call) {
        Some(parts) => Some(parts.to_vec()),
        None if fold.has_input(1) => fold.integers(1),
        None => equal_numbers(fold.call, i64::try_from(dims[axis]).ok()?, outputs),
    }?;
    let parts: Vec<u64> =
        parts.into_iter().map(|n| u64::try_from(n).ok()).collect::<Option<_>>().filter(|p: &Vec<u64>| p.len() == outputs)?;
    (0..outputs).map(|k| slab(fold, axis, &parts, k)?.fold(&[fold.input(0)?])?.pop()).collect()
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, folded, folded_at};

    #[test]
    fn lengths_add_up() {
        assert_eq!(facts_of("g (float[N,2] x, float[N,K] y, float[3,1] z) => (c) { c = Concat <axis = -1> (x, y, z) }"), "float[3,K + 3]");
        assert!(
            facts_of("g (float[4,2] x, float[3,2] y) => (c) { c = Concat <axis = 1> (x, y) }").starts_with("! Concat: lengths 4 and 3")
        );
        assert_eq!(facts_of("g (float[N,2] x, float y) => (c) { c = Concat <axis = 0> (x, y) }"), "float[?]");
    }

    #[test]
    fn an_axis_is_split() {
        let halves = |opset| facts_at(opset, "g (float[N,8] x) => (a, b, c, d) { a, b = Split <axis = 1> (x) c, d = Split (x) }");
        assert_eq!(halves(13), "float[N,4]; float[N,4]; float[⌊(N)/(2)⌋,8]; float[⌊(N)/(2)⌋,8]");
        assert_eq!(facts_of("g (float[N,7] x) => (a, b) { a, b = Split <axis = 1, num_outputs = 2> (x) }"), "float[N,4]; float[N,3]");
        assert_eq!(facts_at(11, "g (float[N,7] x) => (a, b) { a, b = Split <axis = 1, split = [5, 2]> (x) }"), "float[N,5]; float[N,2]");
        assert!(facts_at(11, "g (float[7] x) => (a, b) { a, b = Split(x) }").starts_with("! Split"));
        assert!(facts_of("g (float[7] x) => (a, b) <int64[2] s = {3, 3}> { a, b = Split(x, s) }").starts_with("! Split"));
    }

    #[test]
    fn contents_are_split() {
        let graph = "g (float[N,C,H] x) => (a, b) <int64[2] s = {1, 2}> { t = Shape(x) a, b = Split(t, s) }";
        assert_eq!(facts_of(graph), "int64[1] = {N}; int64[2] = {C, H}");
    }

    #[test]
    fn folds() {
        let graph = "g () => (y) <int32[2,1] a = {1, 2}, int32[2,2] b = {3, 4, 5, 6}> { y = Concat <axis = 1> (a, b) }";
        assert_eq!(folded(graph), "int32[2,3] = {1, 3, 4, 2, 5, 6}");
        let graph = "g () => (a, b) <int32[2,3] x = {1, 2, 3, 4, 5, 6}> { a, b = Split <axis = 1, split = [1, 2]> (x) }";
        assert_eq!(folded_at(11, graph), "int32[2,1] = {1, 4}; int32[2,2] = {2, 3, 5, 6}");
    }
}
