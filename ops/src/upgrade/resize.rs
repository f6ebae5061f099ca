//! Scaling of images: conventions about pixels that were silent once and are attributes now.

use super::draft::{Draft, Refusal, Source, string};
use shrinx_ir::Tensor;

/// `Upsample` lives on as `Resize`.
pub(super) fn from_upsample(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    draft.op = "Resize".into();
    Ok(())
}

/// `Resize` to version 11: pixels were counted from their corner, and the nearest one was that below, or above where an axis shrinks.
pub(super) fn coordinates(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if draft.get("mode", string)?.is_none_or(|mode| mode == "nearest") {
        let scales = draft.constant(1).and_then(|t| Some(t.as_f32()?.into_owned()));
        let nearest = match scales {
            _ if draft.model.node(draft.node).is("Upsample") => "floor",
            Some(scales) if scales.iter().all(|s| *s >= 1.0) => "floor",
            Some(scales) if scales.iter().all(|s| *s <= 1.0) => "ceil",
            Some(_) => return Err(Refusal("it grows along one axis and shrinks along another".into())),
            None => return Err(Refusal("its scales are not constant".into())),
        };
        draft.set("nearest_mode", nearest);
    }
    draft.set("coordinate_transformation_mode", "asymmetric");
    let scales = draft.inputs.get(1).cloned().unwrap_or(Source::Absent);
    // Only a name until version 13, where the input may be left out; but required here.
    draft.set_input(1, Source::New("roi", Tensor::from_f32([0], &[])));
    draft.set_input(2, scales);
    Ok(())
}

/// `Resize` to version 13: what is not given is left out, where it was an empty tensor.
pub(super) fn optional_inputs(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if draft.get("coordinate_transformation_mode", string)?.is_some_and(|mode| mode == "tf_half_pixel_for_nn") {
        return Err(Refusal("the coordinates `tf_half_pixel_for_nn` were abolished".into()));
    }
    for port in 1..draft.inputs.len() {
        if draft.constant(port).is_some_and(|t| t.is_empty()) {
            draft.set_input(port, Source::Absent);
        }
    }
    Ok(())
}

/// `RoiAlign` to version 16, which has another default.
pub(super) fn whole_pixels(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    if draft.get("coordinate_transformation_mode", string)?.is_none() {
        draft.set("coordinate_transformation_mode", "output_half_pixel");
    }
    Ok(())
}

/// `GridSample` to version 20: its modes have names for any number of axes.
pub(super) fn grid_modes(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    match draft.get("mode", string)?.as_deref() {
        Some("bilinear") => draft.set("mode", "linear"),
        Some("bicubic") => draft.set("mode", "cubic"),
        Some(_) | None => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::raised;

    #[test]
    fn silent_conventions_are_spelled_out() {
        let graph = "g (float[1,1,2,2] x) => (float[1,1,4,4] y) <float[4] s = {1.0, 1.0, 2.0, 2.0}> { y = Upsample(x, s) }";
        let nodes = "y = Resize(x, \"\", s) <nearest_mode = \"floor\", coordinate_transformation_mode = \"asymmetric\">";
        assert_eq!(raised(9, 13, graph), format!("float[4] s = {{1.0, 1.0, 2.0, 2.0}}\n{nodes}"));
        let shrinks = graph.replace("{1.0, 1.0, 2.0, 2.0}", "{1.0, 1.0, 0.5, 2.0}").replace("Upsample", "Resize");
        assert_eq!(
            raised(10, 13, &shrinks),
            "! node `y` (Resize) cannot be raised to opset 13: it grows along one axis and shrinks along another"
        );
    }
}
