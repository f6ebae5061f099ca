//! `Gather`, `GatherElements`, `GatherND`: elements picked by indices.

use crate::{
    Fact, Fold, InferError, Inference, Inferred, OpSpec,
    call::normal_axis,
    channels::movement,
    kernels::{
        Grid, Places,
        elements::count,
        places::{each_index, strides, wrapped},
    },
    shrink,
    site::{Plan, Site, moved},
};
use shrinx_ir::{Dim, Tensor};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Gather", gather).cuts(movement::GATHER).shrinks(shrink::gather).folds(fold_gather),
    OpSpec::new("GatherElements", gather_elements).folds(fold_elements),
    OpSpec::new("GatherND", gather_nd).folds(fold_nd),
];

fn gather(cx: &mut Inference<'_>) -> Inferred {
    let shape = match (cx.shape(0), cx.shape(1)) {
        (Some(data), Some(indices)) => {
            let axis = cx.axis("axis", 0, data.len())?;
            Some([&data[..axis], &indices, &data[axis + 1..]].concat())
        }
        _ => None,
    };
    let contents = moved(cx, plan_gather);
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(contents)])
}

fn plan_gather(site: &impl Site) -> Option<Plan<Grid>> {
    let (data, indices) = (site.dims(0)?, site.dims(1)?);
    let axis = normal_axis(site.call().int("axis").unwrap_or(0), data.len())?;
    let dims = site.affordable([&data[..axis], &indices, &data[axis + 1..]].concat())?;
    let picks: Vec<usize> = site.integers(1)?.into_iter().map(|i| wrapped(i, data[axis])).collect::<Option<_>>()?;
    Some(Plan { movement: Grid::of(&data)?.picked(axis, picks.into_iter().map(Some))?, dims })
}

fn fold_gather(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan_gather(fold)?.fold(&[fold.input(0)?])
}

fn gather_elements(cx: &mut Inference<'_>) -> Inferred {
    let contents = moved(cx, plan_elements);
    Ok(vec![Fact::new(cx.dtype(0), cx.shape(1)).with_contents(contents)])
}

fn plan_elements(site: &impl Site) -> Option<Plan<Places>> {
    let (data, dims) = (site.dims(0)?, site.affordable(site.dims(1)?)?);
    Some(Plan { movement: Places(element_places(site, &data, &dims)?), dims })
}

/// For each index of `GatherElements` or `ScatterElements`, the place in the data that it means.
pub(crate) fn element_places(site: &impl Site, data: &[u64], indices: &[u64]) -> Option<Vec<usize>> {
    let axis = normal_axis(site.call().int("axis").unwrap_or(0), data.len())?;
    if data.len() != indices.len() || (0..data.len()).any(|k| k != axis && indices[k] > data[k]) {
        return None;
    }
    let (steps, mut values) = (strides(data)?, site.integers(1)?.into_iter());
    let mut places = Vec::with_capacity(values.len());
    each_index(indices, |index| {
        let own = wrapped(values.next()?, data[axis])?;
        places.push((0..index.len()).map(|k| steps[k] * if k == axis { own } else { index[k] }).sum());
        Some(())
    })?;
    Some(places)
}

fn fold_elements(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan_elements(fold)?.fold(&[fold.input(0)?])
}

fn gather_nd(cx: &mut Inference<'_>) -> Inferred {
    let shape = match (cx.shape(0), cx.shape(1)) {
        (Some(data), Some(indices)) => match indices.split_last() {
            Some((Dim::Known(depth), outer)) => {
                let batch = cx.call.int("batch_dims").unwrap_or(0);
                let inner = usize::try_from(batch.saturating_add(*depth)).ok().and_then(|k| data.get(k..));
                let inner = inner.ok_or_else(|| InferError(format!("indices of {depth} numbers into a tensor of rank {}", data.len())))?;
                Some([outer, inner].concat())
            }
            Some((Dim::Symbol(_) | Dim::Expr(_), _)) => None,
            None => return Err(InferError("indices without an axis".into())),
        },
        _ => None,
    };
    let contents = moved(cx, plan_nd);
    Ok(vec![Fact::new(cx.dtype(0), shape).with_contents(contents)])
}

fn plan_nd(site: &impl Site) -> Option<Plan<Places>> {
    let (data, indices) = (site.dims(0)?, site.dims(1)?);
    let batch = usize::try_from(site.call().int("batch_dims").unwrap_or(0)).ok()?;
    let blocks = block_places(site, &data, &indices, batch)?;
    let (depth, outer) = indices.split_last()?;
    let inner = data.get(batch.checked_add(usize::try_from(*depth).ok()?)?..)?;
    let dims = site.affordable([outer, inner].concat())?;
    let run = count(inner)?;
    Some(Plan { movement: Places(blocks.into_iter().flat_map(|start| start..start + run).collect()), dims })
}

/// For each tuple of `GatherND` or `ScatterND`, the place in the data at which the block that it means begins.
pub(crate) fn block_places(site: &impl Site, data: &[u64], indices: &[u64], batch: usize) -> Option<Vec<usize>> {
    let (depth, outer) = indices.split_last()?;
    let depth = usize::try_from(*depth).ok()?;
    let values = site.integers(1)?;
    let steps = strides(data)?;
    if batch > outer.len() || data.get(..batch)? != &outer[..batch] || batch.checked_add(depth)? > data.len() {
        return None;
    }
    let mut tuples = 0..;
    let mut places = Vec::with_capacity(count(outer).filter(|n| *n <= values.len().max(site.limit()))?);
    each_index(outer, |index| {
        let first = depth.checked_mul(tuples.next()?)?;
        let tuple = values.get(first..first + depth)?;
        let own = tuple.iter().enumerate().map(|(k, value)| Some(wrapped(*value, data[batch + k])? * steps[batch + k]));
        let base: usize = index[..batch].iter().zip(&steps).map(|(i, step)| i * step).sum();
        places.push(base + own.sum::<Option<usize>>()?);
        Some(())
    })?;
    Some(places)
}

fn fold_nd(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan_nd(fold)?.fold(&[fold.input(0)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn indices_take_the_place_of_the_axis() {
        assert_eq!(facts_of("g (float[V,64] w, int64[N,L] i) => (y) { y = Gather(w, i) }"), "float[N,L,64]");
        assert_eq!(facts_of("g (float[V,64] w, int64[V,N] i) => (y) { y = GatherElements <axis = 1> (w, i) }"), "float[V,N]");
        assert_eq!(facts_of("g (float[A,B,C] w, int64[N,2] i) => (y) { y = GatherND(w, i) }"), "float[N,C]");
        assert_eq!(facts_of("g (float[A,B,C] w, int64[A,N,1] i) => (y) { y = GatherND <batch_dims = 1> (w, i) }"), "float[A,N,C]");
        assert!(facts_of("g (float[A] w, int64[N,2] i) => (y) { y = GatherND(w, i) }").starts_with("! GatherND"));
    }

    #[test]
    fn contents_are_gathered() {
        let graph = "g (float[N,C,H] x) => (y) <int64[2] i = {-1, 0}> { s = Shape(x) y = Gather(s, i) }";
        assert_eq!(facts_of(graph), "int64[2] = {H, N}");
    }

    #[test]
    fn folds_what_is_in_range() {
        let gather = |index: i64| {
            folded(&format!("g () => (y) <int32[2,2] x = {{1, 2, 3, 4}}, int64[1] i = {{{index}}}> {{ y = Gather <axis = 1> (x, i) }}"))
        };
        assert_eq!(gather(-1), "int32[2,1] = {2, 4}");
        assert_eq!([gather(2), gather(-3), gather(i64::MIN)], ["?"; 3]);
        let graph = "g () => (y) <int32[2,2] x = {1, 2, 3, 4}, int64[2,1] i = {1, 0}> { y = GatherElements <axis = 1> (x, i) }";
        assert_eq!(folded(graph), "int32[2,1] = {2, 3}");
        let graph = "g () => (y) <int32[2,2] x = {1, 2, 3, 4}, int64[2,1] i = {1, 0}> { y = GatherND(x, i) }";
        assert_eq!(folded(graph), "int32[2,2] = {3, 4, 1, 2}");
    }
}
