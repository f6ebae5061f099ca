//! `ScatterElements`, `Scatter`, `ScatterND`, `TensorScatter`: a copy with some elements replaced.
//!
//! Folded only where nothing is reduced and no place is written twice: the order is not defined then.

use crate::{
    Fact, Fold, Inference, Inferred, OpSpec,
    call::normal_axis,
    families::gather::{block_places, element_places},
    kernels::{
        Places,
        elements::count,
        places::{each_index, strides},
    },
    site::{Plan, Site},
};
use shrinx_ir::Tensor;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Scatter", scatter_elements).folds(fold_elements),
    OpSpec::new("ScatterElements", scatter_elements).folds(fold_elements),
    OpSpec::new("ScatterND", scatter_nd).folds(fold_nd),
    OpSpec::new("TensorScatter", tensor_scatter).folds(fold_cache),
];

fn scatter_elements(cx: &mut Inference<'_>) -> Inferred {
    updated(cx, plan_elements(cx), 2)
}

fn scatter_nd(cx: &mut Inference<'_>) -> Inferred {
    updated(cx, plan_nd(cx), 2)
}

fn tensor_scatter(cx: &mut Inference<'_>) -> Inferred {
    updated(cx, plan_cache(cx), 1)
}

/// Type and shape of the data; contents by a plan over the data and the updates.
fn updated(cx: &Inference<'_>, plan: Option<Plan<Places>>, updates: usize) -> Inferred {
    let sources = [0, updates].map(|port| cx.input(port).contents.as_deref());
    let contents = match sources {
        [Some(data), Some(updates)] => plan.and_then(|plan| plan.contents(&[data, updates])),
        _ => None,
    };
    Ok(vec![Fact::new(cx.dtype(0), cx.shape(0)).with_contents(contents)])
}

/// A copy of the data in which the updates, in their order, stand at `places`.
fn replaced(dims: Vec<u64>, places: impl IntoIterator<Item = usize>) -> Option<Plan<Places>> {
    let old = count(&dims)?;
    let mut all: Vec<usize> = (0..old).collect();
    for (update, place) in places.into_iter().enumerate() {
        let slot = all.get_mut(place).filter(|slot| **slot < old)?;
        *slot = old + update;
    }
    Some(Plan { movement: Places(all), dims })
}

fn plan_elements(site: &impl Site) -> Option<Plan<Places>> {
    let (dims, indices) = (site.affordable(site.dims(0)?)?, site.dims(1)?);
    let places = element_places(site, &dims, &indices).filter(|_| site.dims(2).as_ref() == Some(&indices))?;
    replaced(dims, places).filter(|_| overwrites(site))
}

fn plan_nd(site: &impl Site) -> Option<Plan<Places>> {
    let (dims, indices) = (site.affordable(site.dims(0)?)?, site.dims(1)?);
    let (depth, outer) = indices.split_last()?;
    let inner = dims.get(usize::try_from(*depth).ok()?..)?;
    if site.dims(2)? != [outer, inner].concat() || !overwrites(site) {
        return None;
    }
    let run = count(inner)?;
    let blocks = block_places(site, &dims, &indices, 0)?;
    replaced(dims, blocks.into_iter().flat_map(|start| start..start + run))
}

fn overwrites(site: &impl Site) -> bool {
    matches!(site.call().string("reduction"), None | Some("none"))
}

fn plan_cache(site: &impl Site) -> Option<Plan<Places>> {
    let (dims, updates) = (site.affordable(site.dims(0)?)?, site.dims(1)?);
    let axis = normal_axis(site.call().int("axis").unwrap_or(-2), dims.len()).filter(|axis| *axis > 0)?;
    let fits = updates.len() == dims.len() && (0..dims.len()).all(|k| k == axis || dims[k] == updates[k]);
    let circular = match site.call().string("mode") {
        None | Some("linear") => false,
        Some("circular") => true,
        Some(_) => return None,
    };
    let starts = if site.given(2) { Some(site.integers(2)?) } else { None };
    let steps = strides(&dims)?;
    let mut places = Vec::with_capacity(count(&updates).filter(|n| fits && *n <= site.limit())?);
    each_index(&updates, |index| {
        let start = starts.as_ref().map_or(Some(&0), |s| s.get(index[0]))?;
        let place = usize::try_from(*start).ok()?.checked_add(index[axis])?;
        let length = usize::try_from(dims[axis]).ok()?;
        let place = if circular { place.checked_rem(length)? } else { Some(place).filter(|p| *p < length)? };
        places.push((0..index.len()).map(|k| steps[k] * if k == axis { place } else { index[k] }).sum());
        Some(())
    })?;
    replaced(dims, places)
}

fn fold_elements(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan_elements(fold)?.fold(&[fold.input(0)?, fold.input(2)?])
}

fn fold_nd(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan_nd(fold)?.fold(&[fold.input(0)?, fold.input(2)?])
}

fn fold_cache(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    plan_cache(fold)?.fold(&[fold.input(0)?, fold.input(1)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, folded};

    #[test]
    fn contents_are_replaced() {
        let graph = "g (float[N,C] x) => (y) <int64[1,1] i = {1}, int64[1] u = {7}> { s = Shape(x) y = ScatterND(s, i, u) }";
        assert_eq!(facts_of(graph), "int64[2] = {N, 7}");
    }

    #[test]
    fn folds_where_the_order_does_not_matter() {
        let scatter = |indices: &str, rest: &str| {
            folded(&format!(
                "g () => (y) <int32[3] x = {{1, 2, 3}}, int64[2] i = {{{indices}}}, int32[2] u = {{8, 9}}> {{ y = ScatterElements {rest} (x, i, u) }}"
            ))
        };
        assert_eq!(scatter("-1, 0", ""), "int32[3] = {9, 2, 8}");
        assert_eq!(scatter("1, 1", ""), "?");
        assert_eq!(scatter("1, 3", ""), "?");
        assert_eq!(scatter("0, 1", "<reduction = \"add\">"), "?");
    }

    #[test]
    fn a_cache_is_written_in_a_circle() {
        let graph = "g () => (y) <int32[1,3,1] x = {1, 2, 3}, int32[1,2,1] u = {8, 9}, int64[1] w = {2}> { y = TensorScatter <mode = \"circular\"> (x, u, w) }";
        assert_eq!(folded(graph), "int32[1,3,1] = {9, 2, 8}");
        assert_eq!(folded(&graph.replace("circular", "linear")), "?");
    }
}
