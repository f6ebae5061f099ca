//! `Softmax`, `LogSoftmax` and `Hardmax` to version 13: before, all axes from `axis` on were taken together; since, `axis` alone.

use super::draft::{Draft, Refusal, int};
use crate::call::normal_axis;
use shrinx_ir::Dim;

/// Where the axes behind `axis` have length 1, the two are the same; else the input is made a matrix and given its shape back.
pub(super) fn one_axis(draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let axis = draft.get("axis", int)?.unwrap_or(1);
    let alone = match draft.shape(0) {
        Some(shape) => {
            let at = normal_axis(axis, shape.len());
            let at = at.ok_or_else(|| Refusal(format!("axis {axis} of a tensor of rank {}", shape.len()).into()))?;
            shape[at + 1..].iter().all(|d| *d == Dim::Known(1))
        }
        None => axis == -1,
    };
    draft.set("axis", if alone { axis } else { -1 });
    draft.flattened = (!alone).then_some(axis);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::raised;

    #[test]
    fn the_last_axis_stays() {
        assert_eq!(raised(11, 13, "g (float[2,3] x) => (float[2,3] y) { y = Softmax(x) }"), "y = Softmax(x) <axis = 1>");
        assert_eq!(raised(11, 13, "g (float[N,3,1,1] x) => (float[N,3,1,1] y) { y = Softmax<axis = 1>(x) }"), "y = Softmax(x) <axis = 1>");
    }

    #[test]
    fn several_axes_are_flattened() {
        let nodes = "y_flatten = Flatten(x) <axis = 1>\ny_matrix = Hardmax(y_flatten) <axis = -1>\ny_shape = Shape(x)\ny = Reshape(y_matrix, y_shape)";
        assert_eq!(raised(9, 13, "g (float[2,3,4] x) => (float[2,3,4] y) { y = Hardmax(x) }"), nodes);
    }
}
