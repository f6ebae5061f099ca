//! What opsets before 14 had and later ones abolished.

use super::draft::{Draft, Refusal, float, int, ints, string};
use shrinx_ir::{DataType, Dim};

/// A hint about memory that never meant anything.
pub(super) fn unconsumed(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.take("consumed_inputs", ints)?;
    Ok(())
}

/// `Selu` to version 6, whose defaults have more digits.
pub(super) fn selu(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    for (name, old) in [("alpha", 1.6732), ("gamma", 1.0507)] {
        if draft.get(name, float)?.is_none() {
            draft.set(name, old);
        }
    }
    unconsumed(draft)
}

/// Broadcasting became that of numpy. Before, `axis` told where the second shape lies in the first; without it, at the end.
pub(super) fn broadcast(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let stretches = draft.take("broadcast", int)?.unwrap_or(0) != 0;
    let Some(axis) = draft.take("axis", int)?.filter(|_| stretches) else { return Ok(()) };
    let (Some(a), Some(b)) = (draft.shape(0), draft.shape(1)) else {
        return Err(Refusal("it broadcasts along an axis, and the ranks are not known".into()));
    };
    let axis = if axis < 0 { axis + a.len() as i64 } else { axis };
    let at_end = axis.checked_add(b.len() as i64) == Some(a.len() as i64);
    let one = b.iter().all(|d| *d == Dim::Known(1));
    if at_end || one { Ok(()) } else { Err(Refusal("its second input broadcasts along an inner axis".into())) }
}

/// `Gemm` to version 7.
pub(super) fn gemm(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.take("broadcast", int)?;
    Ok(())
}

/// `PRelu` to version 7: a slope for each channel now needs axes behind that of the channels.
pub(super) fn slope(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let one = draft.shape(1).is_some_and(|s| s.iter().all(|d| *d == Dim::Known(1)));
    let matrix = draft.shape(0).is_some_and(|s| s.len() <= 2);
    if one || matrix { Ok(()) } else { Err(Refusal("it has a slope for each channel".into())) }
}

/// `Concat` to version 4, which has no default.
pub(super) fn concat(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if draft.get("axis", int)?.is_none() {
        draft.set("axis", 1);
    }
    Ok(())
}

/// `Cast` to version 6: the type by number.
pub(super) fn cast(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let name = draft.get("to", string)?.unwrap_or_default();
    let to = DataType::from_name(&name.to_ascii_lowercase()).ok_or_else(|| Refusal(format!("`{name}` is no element type").into()))?;
    draft.set("to", i64::from(to.code()));
    Ok(())
}

/// `LSTM`, `GRU`, `RNN` to version 7: which outputs there are, their names tell.
pub(super) fn recurrent(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.take("output_sequence", int)?;
    Ok(())
}

/// `LpPool`, `GlobalLpPool` to version 2: `p` is an integer.
pub(super) fn whole_power(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if let Some(p) = draft.take("p", float)? {
        if p.fract() != 0.0 || !(1.0..=1e6).contains(&p) {
            return Err(Refusal(format!("p = {p} is no whole number").into()));
        }
        draft.set("p", p as i64);
    }
    Ok(())
}

/// `Pad` to version 2.
pub(super) fn pad(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let pads = draft.take("paddings", ints)?.ok_or(Refusal("attribute `paddings` is missing".into()))?;
    draft.set("pads", pads);
    Ok(())
}

/// `Split` to version 2, which has a default axis, and where only an attribute tells lengths.
pub(super) fn split(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if draft.inputs.len() > 1 || draft.get("axis", int)?.is_none() {
        return Err(Refusal("its lengths are an input, or it has no axis".into()));
    }
    Ok(())
}

/// `BatchNormalization`, `Dropout` to version 7, which knows inference only.
pub(super) fn test_mode(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.take("is_test", int)? {
        // From here on, outputs for the statistics of a batch make it one of training.
        Some(mode) if mode != 0 && draft.op == "BatchNormalization" => inference_only(draft),
        Some(mode) if mode != 0 => Ok(()),
        Some(_) | None => Err(Refusal("it is one of training".into())),
    }
}

/// `BatchNormalization` to version 9: statistics are per channel.
pub(super) fn spatial(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.take("spatial", int)? {
        Some(0) => Err(Refusal("its statistics are per element".into())),
        Some(_) | None => Ok(()),
    }
}

/// `BatchNormalization` to version 14: that there are further outputs no longer means training.
pub(super) fn inference_only(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if draft.model.node(draft.node).output_count() > 1 { Err(Refusal("it is one of training".into())) } else { Ok(()) }
}

/// `Dropout` to version 10: its mask became one of bools. One that nobody reads may change.
pub(super) fn mask(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let Some(mask) = draft.model.outputs(draft.node).get(1).copied().flatten() else { return Ok(()) };
    let declared = draft.model.scope(draft.model.scope_of(mask)).value_info.iter().any(|d| d.value == mask);
    if draft.model.use_count(mask) > 0 || declared { Err(Refusal("its mask is used".into())) } else { Ok(()) }
}

/// `ConvTranspose` to version 11, which splits paddings that are made up differently: those of `auto_pad`, and those that `output_shape` asks for.
pub(super) fn same_padding(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let automatic = draft.get("auto_pad", string)?.is_some_and(|mode| mode.starts_with("SAME"));
    let asked = draft.get("output_shape", ints)?.is_some_and(|shape| !shape.is_empty());
    if automatic || asked { Err(Refusal("its automatic padding is split differently".into())) } else { Ok(()) }
}

/// `OneHot` to version 11, which counts negative indices from the end, where they were like those beyond the depth.
pub(super) fn counted_from_the_end(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let unsigned = draft.dtype(0).is_some_and(|t| t.is_integer() && !t.is_signed_integer());
    let known = |t: shrinx_ir::Tensor| t.to_integers().is_some_and(|all| all.iter().all(|i| *i >= 0));
    if unsigned || draft.constant(0).is_some_and(known) { Ok(()) } else { Err(Refusal("its indices may be negative".into())) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::raised;

    #[test]
    fn broadcasting_at_the_end_is_that_of_numpy() {
        let graph = "g (float[2,3] x, float[3] b) => (float[2,3] y) { y = Add<broadcast = 1, axis = 1>(x, b) }";
        assert_eq!(raised(6, 7, graph), "y = Add(x, b)");
        let inner = raised(6, 7, &graph.replace("axis = 1", "axis = 0"));
        assert_eq!(inner, "! node `y` (Add) cannot be raised to opset 7: its second input broadcasts along an inner axis");
    }

    #[test]
    fn training_is_refused() {
        let graph = "g (float[2] x) => (float[2] y) { y, m = Dropout<is_test = 1>(x) }";
        assert_eq!(raised(6, 9, graph), "y, m = Dropout(x)");
        let trains = raised(6, 9, &graph.replace("is_test = 1", "is_test = 0"));
        assert_eq!(trains, "! node `y` (Dropout) cannot be raised to opset 9: it is one of training");
        let masks = raised(6, 13, &graph.replace("float[2] y)", "float[2] y, float[2] m)"));
        assert_eq!(masks, "! node `y` (Dropout) cannot be raised to opset 13: its mask is used");
        let graph = "g (float[2,3] x, float[3] w) => (float[2,3] y) { y, m = BatchNormalization<is_test = 1>(x, w, w, w, w) }";
        assert_eq!(raised(6, 9, graph), "! node `y` (BatchNormalization) cannot be raised to opset 9: it is one of training");
        assert_eq!(raised(6, 9, &graph.replace(", m", "")), "y = BatchNormalization(x, w, w, w, w)");
    }

    #[test]
    fn paddings_that_are_split_differently_are_refused() {
        let graph = "g (float[1,1,3] x, float[1,1,3] w) => (float[1,1,4] y) { y = ConvTranspose<output_shape = [4]>(x, w) }";
        let said = "! node `y` (ConvTranspose) cannot be raised to opset 13: its automatic padding is split differently";
        assert_eq!(raised(10, 13, graph), said);
        assert_eq!(raised(10, 13, &graph.replace("output_shape = [4]", "auto_pad = \"SAME_UPPER\"")), said);
        assert_eq!(raised(10, 13, &graph.replace("output_shape = [4]", "pads = [0, 1]")), "y = ConvTranspose(x, w) <pads = [0, 1]>");
    }

    #[test]
    fn indices_below_zero_were_beyond_the_depth() {
        let graph = "g (int64[2] i, int64 d, float[2] v) => (float[2,3] y) { y = OneHot(i, d, v) }";
        assert_eq!(raised(9, 11, graph), "! node `y` (OneHot) cannot be raised to opset 11: its indices may be negative");
        assert_eq!(raised(9, 11, &graph.replace("int64[2]", "uint8[2]")), "y = OneHot(i, d, v)");
    }
}
