//! Losses (ONNX `NegativeLogLikelihoodLoss`, `SoftmaxCrossEntropyLoss`).

use crate::{Fact, Inference, Inferred, OpSpec};

pub(crate) const ROWS: &[OpSpec] = &[OpSpec::new("NegativeLogLikelihoodLoss", loss), OpSpec::new("SoftmaxCrossEntropyLoss", loss)];

/// One number, or without reduction one for each label; then the log-probabilities.
fn loss(cx: &mut Inference<'_>) -> Inferred {
    let shape = match cx.call.string("reduction").unwrap_or("mean") {
        "none" => cx.shape(1),
        _ => Some(vec![]),
    };
    Ok(vec![Fact::new(cx.dtype(0), shape), Fact::new(cx.dtype(0), cx.shape(0))])
}

#[cfg(test)]
mod tests {
    use crate::testing::facts_of;

    #[test]
    fn reduced_or_not() {
        let graph = "g (float[N,C,D] x, int64[N,D] t) => (a, b, p) {
            a = NegativeLogLikelihoodLoss <reduction = \"none\"> (x, t)
            b, p = SoftmaxCrossEntropyLoss(x, t)
        }";
        assert_eq!(facts_of(graph), "float[N,D]; float[]; float[N,C,D]");
    }
}
