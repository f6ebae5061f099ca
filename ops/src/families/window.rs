//! Windows that slide along the spatial axes, as of `Conv` and `AveragePool`: the lengths they leave.

use crate::{Inference, call::Call, infer::InferError};
use shrinx_ir::{Derived, Dim};

/// How a window slides.
pub(super) struct Window {
    kernel: Vec<Dim>,
    strides: Vec<i64>,
    dilations: Vec<i64>,
    padding: Padding,
    round_up: bool,
}

/// What is laid around each axis.
enum Padding {
    /// As many elements before and after it.
    Explicit(Vec<(i64, i64)>),
    /// As much as makes the output as long as the input divided by the stride.
    Same,
    /// Attributes that contradict each other, or that runtimes read differently.
    Unclear,
}

impl Window {
    /// A window of the lengths `kernel`, with the attributes that convolutions and pools share.
    pub(super) fn of(call: Call<'_>, kernel: Vec<Dim>) -> Result<Self, InferError> {
        let axes = kernel.len();
        let strides = positive_each(call, "strides", axes)?;
        let dilations = positive_each(call, "dilations", axes)?;
        let round_up = call.int("ceil_mode").unwrap_or(0) != 0;
        let pads = match call.ints("pads") {
            None | Some([]) => None,
            Some(pads) if pads.len() == 2 * axes => Some((0..axes).map(|k| (pads[k], pads[k + axes])).collect()),
            Some(pads) => return Err(InferError(format!("{} pads for {axes} axes", pads.len()))),
        };
        let padding = match (call.string("auto_pad").unwrap_or("NOTSET"), pads) {
            ("NOTSET" | "", pads) => Padding::Explicit(pads.unwrap_or_else(|| vec![(0, 0); axes])),
            // Rounded up or not, the specification gives `VALID` one length; ONNX Runtime rounds it up.
            ("VALID", None) if !round_up => Padding::Explicit(vec![(0, 0); axes]),
            ("SAME_UPPER" | "SAME_LOWER", None) => Padding::Same,
            _ => Padding::Unclear,
        };
        Ok(Self { kernel, strides, dilations, padding, round_up })
    }

    /// A window of a pool: ONNX Runtime does not give `SAME` the meaning it has for convolutions where there are dilations.
    pub(super) fn of_pool(call: Call<'_>, kernel: &[i64]) -> Result<Self, InferError> {
        let mut window = Self::of(call, kernel.iter().copied().map(Dim::Known).collect())?;
        if matches!(window.padding, Padding::Same) && window.dilations.iter().any(|d| *d != 1) {
            window.padding = Padding::Unclear;
        }
        Ok(window)
    }

    /// Lengths of the output of a window that slides over axes of the lengths `input`.
    pub(super) fn outputs(&self, cx: &mut Inference<'_>, input: &[Dim]) -> Vec<Dim> {
        input.iter().enumerate().map(|(k, length)| self.output(cx, k, length).unwrap_or_else(|| cx.fresh())).collect()
    }

    /// Lengths of the output of the transposed window: the inputs for which [`Window::outputs`] would give `input`, with `extra` elements at each end.
    pub(super) fn transposed(&self, cx: &mut Inference<'_>, input: &[Dim], extra: &[i64]) -> Vec<Dim> {
        (input.iter().zip(extra).enumerate())
            .map(|(k, (length, extra))| self.transposed_output(k, length, *extra).unwrap_or_else(|| cx.fresh()))
            .collect()
    }

    /// Elements from the first to the last that the window covers.
    fn span(&self, k: usize) -> Option<Dim> {
        self.kernel[k].sub(&1.into())?.mul(&self.dilations[k].into())?.add(&1.into())
    }

    fn output(&self, cx: &mut Inference<'_>, k: usize, input: &Dim) -> Option<Dim> {
        let stride = self.strides[k];
        let (before, after) = match &self.padding {
            Padding::Unclear => return None,
            Padding::Same => return steps(cx, input, stride),
            Padding::Explicit(pads) => pads[k],
        };
        let span = self.span(k)?;
        let free = input.add(&before.into())?.add(&after.into())?.sub(&span)?;
        if free.known().is_some_and(|n| n < 0) {
            return None;
        }
        if !self.round_up {
            return cx.derive(Derived::FloorDiv, &free, &stride.into()).add(&1.into());
        }
        let places = steps(cx, &free, stride)?.add(&1.into())?;
        let span = span.known()?;
        if after.saturating_add(stride) <= span {
            return Some(places);
        }
        // A window that would start behind the input is left out.
        let starts = steps(cx, &input.add(&before.into())?, stride)?;
        (after < span).then(|| cx.derive(Derived::Min, &places, &starts))
    }

    fn transposed_output(&self, k: usize, input: &Dim, extra: i64) -> Option<Dim> {
        let span = self.span(k)?;
        let full = input.sub(&1.into())?.mul(&self.strides[k].into())?.add(&span)?;
        let output = match &self.padding {
            Padding::Explicit(pads) => full.add(&extra.into())?.sub(&pads[k].0.into())?.sub(&pads[k].1.into())?,
            Padding::Same if extra == 0 && span.known()? >= self.strides[k] => input.mul(&self.strides[k].into())?,
            Padding::Same if extra == 0 => full,
            Padding::Same | Padding::Unclear => return None,
        };
        output.known().is_none_or(|n| n >= 0).then_some(output)
    }
}

/// How many steps of `stride` reach the end of `length`: the quotient, rounded up.
fn steps(cx: &mut Inference<'_>, length: &Dim, stride: i64) -> Option<Dim> {
    let length = length.add(&(stride - 1).into())?;
    Some(cx.derive(Derived::FloorDiv, &length, &stride.into()))
}

/// An attribute that gives one positive number for each axis, by default 1.
fn positive_each(call: Call<'_>, name: &str, axes: usize) -> Result<Vec<i64>, InferError> {
    match call.ints(name) {
        None | Some([]) => Ok(vec![1; axes]),
        Some(given) if given.len() == axes && given.iter().all(|n| (1..=i32::MAX.into()).contains(n)) => Ok(given.to_vec()),
        Some(given) => Err(InferError(format!("{name} {given:?} for {axes} axes"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::facts_of;

    #[test]
    fn lengths_are_rounded_down_or_up() {
        let pool =
            |attributes: &str| facts_of(&format!("g (float[1,1,H] x) => (y) {{ y = MaxPool <kernel_shape = [3], {attributes}> (x) }}"));
        assert_eq!(pool("strides = [1]"), "float[1,1,H - 2]");
        assert_eq!(pool("strides = [2], pads = [1, 1]"), "float[1,1,⌊(H + 1)/(2)⌋]");
        assert_eq!(pool("strides = [2], auto_pad = \"SAME_UPPER\""), "float[1,1,⌊(H + 1)/(2)⌋]");
        assert_eq!(pool("strides = [2], ceil_mode = 1"), "float[1,1,⌊(H)/(2)⌋]");
        assert_eq!(pool("strides = [2], pads = [0, 2], ceil_mode = 1"), "float[1,1,min(⌊(H + 1)/(2)⌋, ⌊(H)/(2)⌋ + 1)]");
        assert_eq!(pool("dilations = [2], auto_pad = \"VALID\""), "float[1,1,H - 4]");
    }

    #[test]
    fn what_runtimes_read_differently_is_not_known() {
        let pool =
            |attributes: &str| facts_of(&format!("g (float[1,1,9] x) => (y) {{ y = MaxPool <kernel_shape = [3], {attributes}> (x) }}"));
        assert_eq!(pool("auto_pad = \"SAME_LOWER\", dilations = [2]"), "float[1,1,?0]");
        assert_eq!(pool("auto_pad = \"VALID\", pads = [1, 1]"), "float[1,1,?0]");
        assert_eq!(pool("dilations = [5]"), "float[1,1,?0]");
        assert_eq!(pool("strides = [0]"), "! MaxPool: strides [0] for 1 axes");
        assert_eq!(pool("pads = [1]"), "! MaxPool: 1 pads for 1 axes");
    }
}
