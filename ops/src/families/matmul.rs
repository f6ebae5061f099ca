//! Products of matrices: `MatMul`, its integer forms, `Gemm`; and `Det`.

use crate::{Fact, Inference, Inferred, OpSpec, QuantRule, channels::linear, infer::InferError, infer::agree};
use shrinx_ir::{DataType, Dim};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("MatMul", matmul).cuts(linear::MATMUL).contracts(last_axis).quant(QuantRule::HEAVY).costs(matmul_macs),
    OpSpec::new("MatMulInteger", matmul_integer).cuts(linear::MATMUL_INTEGER).costs(matmul_macs),
    OpSpec::new("QLinearMatMul", qlinear_matmul).cuts(linear::QLINEAR_MATMUL).costs(qlinear_matmul_macs),
    OpSpec::new("Gemm", gemm).cuts(linear::GEMM).contracts(gemm_contracts).quant(QuantRule::HEAVY).costs(gemm_macs),
    OpSpec::new("Det", det),
];

/// The last axis of the first factor is summed over.
pub(super) fn last_axis(cx: &Inference<'_>) -> Vec<(usize, usize)> {
    cx.rank(0).and_then(|rank| rank.checked_sub(1)).map(|axis| (0, axis)).into_iter().collect()
}

pub(super) fn gemm_contracts(cx: &Inference<'_>) -> Vec<(usize, usize)> {
    vec![(0, usize::from(cx.call.int("transA").unwrap_or(0) == 0))]
}

fn matmul(cx: &mut Inference<'_>) -> Inferred {
    let shape = ports_product(cx, 0, 1)?;
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

fn matmul_integer(cx: &mut Inference<'_>) -> Inferred {
    let shape = ports_product(cx, 0, 1)?;
    Ok(vec![Fact::new(Some(DataType::Int32), shape)])
}

fn qlinear_matmul(cx: &mut Inference<'_>) -> Inferred {
    let shape = ports_product(cx, 0, 3)?;
    Ok(vec![Fact::new(cx.dtype(7), shape)])
}

pub(super) fn ports_product(cx: &mut Inference<'_>, a: usize, b: usize) -> Result<Option<Vec<Dim>>, InferError> {
    let (Some(a), Some(b)) = (cx.shape(a), cx.shape(b)) else { return Ok(None) };
    matmul_shape(cx, &a, &b).map(Some)
}

/// Shape of `numpy.matmul`: a vector is a matrix of one row (left) or column (right) that the result does without.
pub(super) fn matmul_shape(cx: &mut Inference<'_>, a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, InferError> {
    let (Some((inner, _)), false) = (a.split_last(), b.is_empty()) else { return Err(InferError("a factor is a scalar".into())) };
    let matrices = |s: &[Dim]| s.len().saturating_sub(2);
    agree("the axes that are summed over", inner, &b[matrices(b)])?;
    let mut shape = cx.broadcast(&a[..matrices(a)], &b[..matrices(b)])?;
    if let [.., rows, _] = a {
        shape.push(rows.clone());
    }
    if let [.., _, columns] = b {
        shape.push(columns.clone());
    }
    Ok(shape)
}

pub(super) fn matmul_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    product_macs(cx, 0, 1)
}

fn qlinear_matmul_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    product_macs(cx, 0, 3)
}

fn product_macs(cx: &mut Inference<'_>, a: usize, b: usize) -> Option<Dim> {
    let out = ports_product(cx, a, b).ok()??;
    super::product(out.iter().chain(cx.shape(a)?.last()))
}

/// Rows, columns and summed length of a `Gemm`.
fn gemm_lengths(cx: &mut Inference<'_>) -> Result<[Dim; 3], InferError> {
    let (mut a, mut b) = (cx.shape_of_rank(0, 2)?, cx.shape_of_rank(1, 2)?);
    if cx.call.int("transA").unwrap_or(0) != 0 {
        a.reverse();
    }
    if cx.call.int("transB").unwrap_or(0) != 0 {
        b.reverse();
    }
    let inner = agree("the axes that are summed over", &a[1], &b[0])?;
    Ok([a[0].clone(), b[1].clone(), inner])
}

pub(super) fn gemm(cx: &mut Inference<'_>) -> Inferred {
    let [rows, columns, _] = gemm_lengths(cx)?;
    Ok(vec![Fact::new(cx.dtype(0), Some(vec![rows, columns]))])
}

pub(super) fn gemm_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    super::product(&gemm_lengths(cx).ok()?)
}

fn det(cx: &mut Inference<'_>) -> Inferred {
    let shape = match cx.shape(0) {
        Some(x) if x.len() < 2 => return Err(InferError("not a matrix".into())),
        Some(x) => {
            agree("rows and columns of a square matrix", &x[x.len() - 2], &x[x.len() - 1])?;
            Some(x[..x.len() - 2].to_vec())
        }
        None => None,
    };
    Ok(vec![Fact::new(cx.dtype(0), shape)])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, macs_of};

    #[test]
    fn ranks_of_numpy() {
        let product = |a: &str, b: &str| facts_of(&format!("g (float[{a}] a, float[{b}] b) => (y) {{ y = MatMul(a, b) }}"));
        assert_eq!(product("N,T,8", "8,4"), "float[N,T,4]");
        assert_eq!(product("N,1,T,8", "H,8,4"), "float[N,H,T,4]");
        assert_eq!(product("8", "N,8,4"), "float[N,4]");
        assert_eq!(product("N,4,8", "8"), "float[N,4]");
        assert_eq!(product("8", "8"), "float[]");
        assert_eq!(product("2,8", "7,4"), "! MatMul: the axes that are summed over: 8 and 7");
    }

    #[test]
    fn gemm_transposes() {
        let graph = "g (float[8,N] a, float[4,8] b) => (y) { y = Gemm <transA = 1, transB = 1> (a, b) }";
        assert_eq!(facts_of(graph), "float[N,4]");
        assert_eq!(macs_of(graph), "32*N");
    }

    #[test]
    fn integers_have_types_of_their_own() {
        let graph = "g (uint8[N,8] a, int8[8,4] b, float s, int8 z) => (x, y) {
            x = MatMulInteger(a, b)
            y = QLinearMatMul(a, s, z, b, s, z, s, z)
        }";
        assert_eq!(facts_of(graph), "int32[N,4]; int8[N,4]");
        assert_eq!(macs_of(graph), "32*N; 32*N");
    }

    #[test]
    fn determinants_are_of_square_matrices() {
        assert_eq!(facts_of("g (float[N,3,3] x) => (y) { y = Det(x) }"), "float[N]");
        assert_eq!(facts_of("g (float[2,3] x) => (y) { y = Det(x) }"), "! Det: rows and columns of a square matrix: 2 and 3");
    }
}
