//! Signals: Fourier transforms and windows.

use crate::{Fact, Inference, Inferred, OpSpec, call::normal_axis, infer::InferError};
use shrinx_ir::{DataType, Derived, Dim};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("DFT", dft),
    OpSpec::new("STFT", stft),
    OpSpec::new("HannWindow", window),
    OpSpec::new("HammingWindow", window),
    OpSpec::new("BlackmanWindow", window),
    OpSpec::new("MelWeightMatrix", mel_weight_matrix),
];

/// The number at a scalar input, or a fresh length.
fn scalar(cx: &mut Inference<'_>, port: usize) -> Dim {
    match cx.contents(port).as_deref() {
        Some([n]) => n.clone(),
        _ => cx.fresh(),
    }
}

/// Frequencies that tell a real signal of this length apart: half of them, and one.
fn one_side(cx: &mut Inference<'_>, length: &Dim) -> Dim {
    let half = cx.derive(Derived::FloorDiv, length, &2.into());
    cx.add(&half, &1.into())
}

fn flag(cx: &Inference<'_>, name: &str, default: i64) -> bool {
    cx.call.int(name).unwrap_or(default) != 0
}

fn dft(cx: &mut Inference<'_>) -> Inferred {
    let dtype = cx.dtype(0);
    let Some(mut shape) = cx.shape(0) else { return Ok(vec![Fact::new(dtype, None)]) };
    let rank = shape.len();
    let axis = if cx.call.opset < 20 {
        Some(cx.call.int("axis").unwrap_or(1))
    } else if cx.has_input(2) {
        cx.known(2).and_then(|axis| axis.first().copied())
    } else {
        Some(-2)
    };
    let Some(axis) = axis else { return Ok(vec![Fact::new(dtype, Some(cx.fresh_shape(rank)))]) };
    let axis =
        normal_axis(axis, rank).filter(|a| a + 1 < rank).ok_or_else(|| InferError(format!("axis {axis} of a signal of rank {rank}")))?;
    let length = if cx.has_input(1) { scalar(cx, 1) } else { shape[axis].clone() };
    let (onesided, inverse) = (flag(cx, "onesided", 0), flag(cx, "inverse", 0));
    (shape[axis], shape[rank - 1]) = match (onesided, inverse) {
        (false, _) => (length, Dim::Known(2)),
        (true, false) => (one_side(cx, &length), Dim::Known(2)),
        // From one side back to a real signal: not in every version, and not read alike.
        (true, true) => (cx.fresh(), cx.fresh()),
    };
    Ok(vec![Fact::new(dtype, Some(shape))])
}

fn stft(cx: &mut Inference<'_>) -> Inferred {
    let signal = cx.shape_of_rank(0, 3)?;
    let step = scalar(cx, 1);
    let length = match (cx.has_input(3), cx.has_input(2)) {
        (true, _) => scalar(cx, 3),
        (false, true) => cx.shape_of_rank(2, 1)?.swap_remove(0),
        (false, false) => signal[1].clone(),
    };
    let free = cx.sub(&signal[1], &length);
    let frames = cx.derive(Derived::FloorDiv, &free, &step);
    let frames = cx.add(&frames, &1.into());
    let bins = if flag(cx, "onesided", 1) { one_side(cx, &length) } else { length };
    Ok(vec![Fact::new(cx.dtype(0), Some(vec![signal[0].clone(), frames, bins, Dim::Known(2)]))])
}

/// The type that `output_datatype` asks for.
fn output_datatype(cx: &Inference<'_>) -> Option<DataType> {
    cx.call.int("output_datatype").map_or(Some(DataType::Float), |_| cx.call.dtype("output_datatype"))
}

fn window(cx: &mut Inference<'_>) -> Inferred {
    let length = scalar(cx, 0);
    Ok(vec![Fact::new(output_datatype(cx), Some(vec![length]))])
}

fn mel_weight_matrix(cx: &mut Inference<'_>) -> Inferred {
    let (bands, length) = (scalar(cx, 0), scalar(cx, 1));
    let bins = one_side(cx, &length);
    Ok(vec![Fact::new(output_datatype(cx), Some(vec![bins, bands]))])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of};

    #[test]
    fn spectra() {
        let graph = "g (float[N,100,1] x, float[16] w) => (y, z, d) <int64 step = {5}> {
            y = STFT(x, step, w)
            z = STFT <onesided = 0> (x, step, w)
            d = DFT <onesided = 1> (x)
        }";
        assert_eq!(facts_of(graph), "float[N,17,9,2]; float[N,17,16,2]; float[N,51,2]");
        assert_eq!(facts_at(17, "g (float[N,L,M,1] x) => (y) { y = DFT <axis = 2> (x) }"), "float[N,L,M,2]");
    }

    #[test]
    fn windows_have_the_length_they_are_told() {
        let graph = "g (int64 n) => (y, z, m) <int64 ten = {10}> {
            y = HannWindow(ten)
            z = BlackmanWindow <output_datatype = 11> (n)
            m = MelWeightMatrix(ten, ten, n, n, n)
        }";
        assert_eq!(facts_of(graph), "float[10]; double[?0]; float[6,10]");
    }
}
