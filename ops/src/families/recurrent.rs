//! Recurrent layers: `RNN`, `GRU`, `LSTM`.

use crate::{Fact, Inference, Inferred, OpSpec, channels::recurrent, infer::InferError, infer::agree, shrink};
use shrinx_ir::Dim;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("RNN", recurrent).cuts(recurrent::RNN).shrinks(shrink::recurrent).contracts(contracted).costs(|cx| recurrent_macs(cx, 1)),
    OpSpec::new("GRU", recurrent).cuts(recurrent::GRU).shrinks(shrink::recurrent).contracts(contracted).costs(|cx| recurrent_macs(cx, 3)),
    OpSpec::new("LSTM", recurrent).cuts(recurrent::LSTM).shrinks(shrink::recurrent).contracts(contracted).costs(|cx| recurrent_macs(cx, 4)),
];

/// Inputs are summed over, and hidden units where they come back.
fn contracted(_: &Inference<'_>) -> Vec<(usize, usize)> {
    vec![(0, 2), (2, 2)]
}

struct Lengths {
    sequence: Dim,
    batch: Dim,
    input: Dim,
    directions: Dim,
    hidden: Dim,
    batch_first: bool,
}

impl Lengths {
    fn of(cx: &mut Inference<'_>) -> Result<Self, InferError> {
        let batch_first = cx.call.int("layout").unwrap_or(0) != 0;
        let [x, w, r] = [cx.shape_of_rank(0, 3)?, cx.shape_of_rank(1, 3)?, cx.shape_of_rank(2, 3)?];
        let [sequence, batch] = if batch_first { [1, 0] } else { [0, 1] }.map(|axis| x[axis].clone());
        let input = agree("features of the input and of the weight", &x[2], &w[2])?;
        let hidden = match cx.call.int("hidden_size") {
            Some(hidden) => agree("hidden_size and the recurrence weight", &hidden.into(), &r[2])?,
            None => r[2].clone(),
        };
        let directions = match cx.call.string("direction").unwrap_or("forward") {
            "bidirectional" => Dim::Known(2),
            "forward" | "reverse" => Dim::Known(1),
            other => return Err(InferError(format!("direction {other}"))),
        };
        agree("direction and the weight", &directions, &w[0])?;
        Ok(Self { sequence, batch, input, directions, hidden, batch_first })
    }
}

fn recurrent(cx: &mut Inference<'_>) -> Inferred {
    let dtype = cx.dtype(0);
    let Lengths { sequence, batch, directions, hidden, batch_first, .. } = Lengths::of(cx)?;
    let (all, last) = if batch_first {
        (vec![batch.clone(), sequence, directions.clone(), hidden.clone()], vec![batch, directions, hidden])
    } else {
        (vec![sequence, directions.clone(), batch.clone(), hidden.clone()], vec![directions, batch, hidden])
    };
    let last = Fact::new(dtype, Some(last));
    Ok(vec![Fact::new(dtype, Some(all)), last.clone(), last])
}

/// Each gate of each hidden unit sums over the inputs and over the hidden units, at each step.
fn recurrent_macs(cx: &mut Inference<'_>, gates: i64) -> Option<Dim> {
    let Lengths { sequence, batch, input, directions, .. } = Lengths::of(cx).ok()?;
    // The weight tells, which may be cut already, not the attribute.
    let hidden = cx.shape(2)?.pop()?;
    let summed = input.add(&hidden)?;
    super::product([&sequence, &batch, &directions, &hidden, &gates.into(), &summed])
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_of, macs_of};

    #[test]
    fn layouts_and_directions() {
        let lstm = |attributes: &str| {
            format!(
                "g (float[T,N,5] x, float[2,16,5] w, float[2,16,4] r) => (y, h, c) {{
                    y, h, c = LSTM <direction = \"bidirectional\", {attributes}> (x, w, r)
                }}"
            )
        };
        assert_eq!(facts_of(&lstm("hidden_size = 4")), "float[T,2,N,4]; float[2,N,4]; float[2,N,4]");
        assert_eq!(facts_of(&lstm("layout = 1")), "float[T,N,2,4]; float[T,2,4]; float[T,2,4]");
        assert_eq!(facts_of(&lstm("hidden_size = 5")), "! LSTM: hidden_size and the recurrence weight: 5 and 4");
        assert_eq!(macs_of(&lstm("hidden_size = 4")), format!("{}*T*N", 2 * 4 * 4 * (5 + 4)));
    }
}
