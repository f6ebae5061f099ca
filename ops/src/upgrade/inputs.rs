//! Attributes that became inputs.

use super::draft::{Draft, Refusal, Source, float, floats, int, ints};
use crate::kernels::numbers::Numbers;
use shrinx_ir::{DataType, Tensor};

/// Moves a list of integers to an input; an absent one stays absent.
fn move_ints(draft: &mut Draft<'_>, name: &'static str, port: usize) -> Result<(), Refusal> {
    if let Some(list) = draft.take(name, ints)? {
        draft.set_input(port, Source::New(name, Tensor::vector_i64(&list)));
    }
    Ok(())
}

fn missing(name: &str) -> Refusal {
    Refusal(format!("attribute `{name}` is missing").into())
}

/// A float attribute as a scalar of the type of the first input.
fn scalar(draft: &Draft<'_>, value: f32) -> Result<Tensor, Refusal> {
    let numbers = match draft.dtype(0) {
        Some(DataType::Double) => Numbers::Doubles(vec![value.into()]),
        Some(_) => Numbers::Singles(vec![value]),
        None => return Err(Refusal("the element type of its input is not known".into())),
    };
    let dtype = draft.dtype(0).unwrap_or(DataType::Float);
    numbers.into_tensor(dtype, vec![]).ok_or_else(|| Refusal(format!("{dtype} has no such bound").into()))
}

/// `Squeeze`, `Unsqueeze`, `Reduce*`. No axes at all are all axes, except to `Unsqueeze`.
pub(super) fn axes(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.take("axes", ints)? {
        Some(axes) if !axes.is_empty() || draft.op == "Unsqueeze" => draft.set_input(1, Source::New("axes", Tensor::vector_i64(&axes))),
        Some(_) | None => {}
    }
    Ok(())
}

/// `Split` to version 13.
pub(super) fn split(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    move_ints(draft, "split", 1)
}

/// `Split` to version 18: without lengths, it must tell how many parts it makes.
pub(super) fn split_count(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if matches!(draft.inputs.get(1), None | Some(Source::Absent)) {
        let parts = draft.model.node(draft.node).output_count() as i64;
        draft.set("num_outputs", parts);
    }
    Ok(())
}

/// `Clip` to version 11.
pub(super) fn clip(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    for (port, name) in [(1, "min"), (2, "max")] {
        if let Some(bound) = draft.take(name, float)? {
            let bound = scalar(draft, bound)?;
            draft.set_input(port, Source::New(name, bound));
        }
    }
    Ok(())
}

/// `Pad` to version 11.
pub(super) fn pad(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let pads = draft.take("pads", ints)?.ok_or_else(|| missing("pads"))?;
    draft.set_input(1, Source::New("pads", Tensor::vector_i64(&pads)));
    if let Some(value) = draft.take("value", float)?.filter(|v| *v != 0.0) {
        let value = scalar(draft, value)?;
        draft.set_input(2, Source::New("value", value));
    }
    Ok(())
}

/// `Slice` to version 10.
pub(super) fn slice(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    for (port, name) in [(1, "starts"), (2, "ends")] {
        let list = draft.take(name, ints)?.ok_or_else(|| missing(name))?;
        draft.set_input(port, Source::New(name, Tensor::vector_i64(&list)));
    }
    move_ints(draft, "axes", 3)
}

/// `TopK` to version 10.
pub(super) fn top_k(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let k = draft.take("k", int)?.ok_or_else(|| missing("k"))?;
    draft.set_input(1, Source::New("k", Tensor::vector_i64(&[k])));
    Ok(())
}

/// `Reshape` to version 5.
pub(super) fn reshape(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.take("consumed_inputs", ints)?;
    let shape = draft.take("shape", ints)?.ok_or_else(|| missing("shape"))?;
    draft.set_input(1, Source::New("shape", Tensor::vector_i64(&shape)));
    Ok(())
}

/// `Upsample` to version 9.
pub(super) fn upsample(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let scales = draft.take("scales", floats)?.ok_or_else(|| missing("scales"))?;
    draft.set_input(1, Source::New("scales", Tensor::from_f32([scales.len() as u64], &scales)));
    Ok(())
}

/// `Dropout` to version 12: it stays one of inference, since nothing is connected to `training_mode`.
pub(super) fn dropout(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if let Some(ratio) = draft.take("ratio", float)? {
        draft.set_input(1, Source::New("ratio", Tensor::from_f32([], &[ratio])));
    }
    Ok(())
}

/// `DFT` to version 20, which has another default.
pub(super) fn transform_axis(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let axis = draft.take("axis", int)?.unwrap_or(1);
    draft.set_input(2, Source::New("axis", Tensor::from_i64([], &[axis])));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::raised;

    #[test]
    fn axes_become_an_input() {
        let graph = "g (float[1,3] x) => (float[1,3] y) { t = Squeeze<axes = [0]>(x)\n y = Unsqueeze<axes = [0]>(t) }";
        assert_eq!(raised(11, 13, graph), "int64[1] axes = {0}\nt = Squeeze(x, axes)\ny = Unsqueeze(t, axes)");
        assert_eq!(raised(13, 18, "g (float[2,3] x) => (float y) { y = ReduceMean<keepdims = 0>(x) }"), "y = ReduceMean(x) <keepdims = 0>");
    }

    #[test]
    fn bounds_take_the_type_of_the_input() {
        assert_eq!(
            raised(6, 11, "g (float16[3] x) => (float16[3] y) { y = Clip<max = 6.0>(x) }"),
            "float16 max = {6.0}\ny = Clip(x, \"\", max)"
        );
        assert_eq!(
            raised(6, 11, "g (x) => (float[3] y) { y = Clip<max = 6.0>(x) }"),
            "! node `y` (Clip) cannot be raised to opset 11: the element type of its input is not known"
        );
    }

    #[test]
    fn lengths_and_counts_become_inputs() {
        assert_eq!(
            raised(9, 18, "g (float[4] x) => (float[1] y, float[3] z) { y, z = Split<split = [1, 3]>(x) }"),
            "int64[2] split = {1, 3}\ny, z = Split(x, split)"
        );
        assert_eq!(raised(9, 18, "g (float[4] x) => (float[2] y, float[2] z) { y, z = Split(x) }"), "y, z = Split(x) <num_outputs = 2>");
        assert_eq!(
            raised(9, 11, "g (float[4] x) => (float[2] y, int64[2] z) { y, z = TopK<k = 2>(x) }"),
            "int64[1] k = {2}\ny, z = TopK(x, k)"
        );
        assert_eq!(
            raised(9, 11, "g (float[4] x) => (float[2] y) { y = Slice<starts = [1], ends = [3]>(x) }"),
            "int64[1] starts = {1},\nint64[1] ends = {3}\ny = Slice(x, starts, ends)"
        );
        assert_eq!(
            raised(9, 11, "g (float[4] x) => (float[6] y) { y = Pad<pads = [1, 1], value = 2.0>(x) }"),
            "int64[2] pads = {1, 1},\nfloat value = {2.0}\ny = Pad(x, pads, value)"
        );
    }
}
