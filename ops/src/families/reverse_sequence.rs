//! `ReverseSequence`: the beginning of each sequence of a batch, backwards.

use crate::{
    Fact, Fold, Inference, Inferred, OpSpec,
    kernels::{
        Places,
        places::{each_index, strides},
    },
    site::{Plan, Site},
};
use shrinx_ir::Tensor;

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("ReverseSequence", same).folds(fold)];

fn same(cx: &mut Inference<'_>) -> Inferred {
    Ok(vec![Fact::new(cx.dtype(0), cx.shape(0))])
}

fn fold(fold: &Fold<'_>) -> Option<Vec<Tensor>> {
    let dims = fold.affordable(fold.dims(0)?)?;
    let axis = |name, default| usize::try_from(fold.call.int(name).unwrap_or(default)).ok();
    let (batch, time) = (axis("batch_axis", 1)?, axis("time_axis", 0)?);
    let lengths = fold.integers(1)?;
    if batch.max(time) != 1 || batch == time || dims.len() < 2 || lengths.len() as u64 != dims[batch] {
        return None;
    }
    let steps = strides(&dims)?;
    let mut places = Vec::new();
    each_index(&dims, |index| {
        let length = usize::try_from(lengths[index[batch]]).ok().filter(|n| *n as u64 <= dims[time])?;
        let at = |k: usize| if k == time && index[k] < length { length - 1 - index[k] } else { index[k] };
        places.push((0..index.len()).map(|k| steps[k] * at(k)).sum());
        Some(())
    })?;
    Plan { movement: Places(places), dims }.fold(&[fold.input(0)?])
}

#[cfg(test)]
mod tests {
    use crate::testing::folded;

    #[test]
    fn only_the_sequence_turns() {
        let reverse = |lengths: &str| {
            let graph = "g () => (y) <int32[2,3] x = {1, 2, 3, 4, 5, 6}, int64[2] n = {LENGTHS}> { y = ReverseSequence <batch_axis = 0, time_axis = 1> (x, n) }";
            folded(&graph.replace("LENGTHS", lengths))
        };
        assert_eq!(reverse("2, 3"), "int32[2,3] = {2, 1, 3, 6, 5, 4}");
        assert_eq!([reverse("2, 4"), reverse("-1, 1")], ["?"; 2]);
    }
}
