//! Attention and what goes with it: `Attention`, `LinearAttention`, `RotaryEmbedding`, `CausalConvWithState`.

use super::{elementwise::same_as_input, matmul::last_axis};
use crate::{
    Fact, Inference, Inferred, OpSpec,
    channels::{attention, norm},
    infer::InferError,
    shrink,
};
use shrinx_ir::{Derived, Dim};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("Attention", attention).cuts(attention::ATTENTION).shrinks(shrink::attention).contracts(last_axis).costs(attention_macs),
    OpSpec::new("LinearAttention", linear_attention),
    OpSpec::new("RotaryEmbedding", same_as_input).cuts(norm::ROTARY),
    OpSpec::new("CausalConvWithState", causal_conv).costs(causal_conv_macs),
];

/// Query, key or value: `[batch, heads, sequence, head]`, however it is packed.
struct Heads {
    batch: Dim,
    count: Dim,
    sequence: Dim,
    features: Dim,
}

impl Heads {
    /// The input at a port, whose rank is 4, or 3 with `name` heads packed in the last axis. Nothing where the rank or the heads are not known.
    fn of(cx: &mut Inference<'_>, port: usize, name: &str) -> Result<Option<Self>, InferError> {
        match (cx.shape(port).as_deref(), cx.call.int(name)) {
            (Some([batch, heads, sequence, head]), _) => {
                Ok(Some(Self { batch: batch.clone(), count: heads.clone(), sequence: sequence.clone(), features: head.clone() }))
            }
            (Some([batch, sequence, packed]), Some(heads @ 1..)) => {
                let features = share(cx, packed, heads)?;
                Ok(Some(Self { batch: batch.clone(), count: heads.into(), sequence: sequence.clone(), features }))
            }
            (Some([_, _, _]) | None, _) => Ok(None),
            (Some(shape), _) => Err(InferError(format!("input {port} has rank {}", shape.len()))),
        }
    }
}

/// What each of the heads has of a packed axis.
fn share(cx: &mut Inference<'_>, packed: &Dim, heads: i64) -> Result<Dim, InferError> {
    match packed.known() {
        Some(n) if n % heads != 0 => Err(InferError(format!("{n} features for {heads} heads"))),
        _ => Ok(cx.derive(Derived::FloorDiv, packed, &heads.into())),
    }
}

/// Query, key, value, and the length of keys from the cache and from the key.
fn operands(cx: &mut Inference<'_>) -> Result<Option<(Heads, Heads, Heads, Dim)>, InferError> {
    let (query, key) = (Heads::of(cx, 0, "q_num_heads")?, Heads::of(cx, 1, "kv_num_heads")?);
    let value = Heads::of(cx, 2, "kv_num_heads")?;
    let (Some(query), Some(key), Some(value)) = (query, key, value) else { return Ok(None) };
    let total = if cx.has_input(4) {
        let past = cx.shape_of_rank(4, 4)?;
        cx.add(&past[2], &key.sequence)
    } else {
        key.sequence.clone()
    };
    Ok(Some((query, key, value, total)))
}

fn attention(cx: &mut Inference<'_>) -> Inferred {
    let [query_type, value_type] = [cx.dtype(0), cx.dtype(2)];
    let Some((query, key, value, total)) = operands(cx)? else {
        return Ok([query_type, query_type, value_type, query_type].map(|t| Fact::new(t, None)).to_vec());
    };
    let y = if cx.rank(0) == Some(4) {
        vec![query.batch.clone(), query.count.clone(), query.sequence.clone(), value.features.clone()]
    } else {
        let packed = cx.mul(&query.count, &value.features);
        vec![query.batch.clone(), query.sequence.clone(), packed]
    };
    let present_key = vec![key.batch, key.count, total.clone(), key.features];
    let present_value = vec![value.batch, value.count, total.clone(), value.features];
    let scores = vec![query.batch, query.count, query.sequence, total];
    let facts = [(query_type, y), (query_type, present_key), (value_type, present_value), (query_type, scores)];
    Ok(facts.map(|(dtype, shape)| Fact::new(dtype, Some(shape))).to_vec())
}

/// Each query meets each key, then each value.
fn attention_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    let (query, _, value, total) = operands(cx).ok()??;
    let features = query.features.add(&value.features)?;
    super::product([&query.batch, &query.count, &query.sequence, &total, &features])
}

fn linear_attention(cx: &mut Inference<'_>) -> Inferred {
    let (output_type, state_type) = (cx.dtype(0), cx.dtype(3));
    let (query, key) = (Heads::of(cx, 0, "q_num_heads")?, Heads::of(cx, 1, "kv_num_heads")?);
    let value = Heads::of(cx, 2, "kv_num_heads")?;
    let (Some(query), Some(key), Some(value)) = (query, key, value) else { return Ok(vec![Fact::new(output_type, None)]) };
    let packed = cx.mul(&query.count, &value.features);
    let output = vec![query.batch.clone(), query.sequence, packed];
    let state = vec![query.batch, key.count, key.features, value.features];
    Ok(vec![Fact::new(output_type, Some(output)), Fact::new(state_type, Some(state))])
}

fn causal_conv(cx: &mut Inference<'_>) -> Inferred {
    let (x, w) = (cx.shape_of_rank(0, 3)?, cx.shape_of_rank(1, 3)?);
    let carried = cx.sub(&w[2], &1.into());
    let state = vec![x[0].clone(), x[1].clone(), carried];
    Ok([x, state].map(|shape| Fact::new(cx.dtype(0), Some(shape))).to_vec())
}

fn causal_conv_macs(cx: &mut Inference<'_>) -> Option<Dim> {
    let (x, w) = (cx.shape(0)?, cx.shape(1)?);
    super::product(x.iter().chain(w.last()))
}

#[cfg(test)]
mod tests {
    use crate::testing::{facts_at, facts_of, macs_of};

    #[test]
    fn heads_stand_apart_or_packed() {
        let apart =
            "g (float[N,8,T,16] q, float[N,2,S,16] k, float[N,2,S,12] v, float[N,2,P,16] pk, float[N,2,P,12] pv) => (y, k2, v2, s) {
            y, k2, v2, s = Attention(q, k, v, \"\", pk, pv)
        }";
        assert_eq!(facts_at(23, apart), "float[N,8,T,12]; float[N,2,P + S,16]; float[N,2,P + S,12]; float[N,8,T,P + S]");
        let packed = "g (float[N,T,128] q, float[N,S,32] k, float[N,S,24] v) => (y, k2) {
            y, k2 = Attention <q_num_heads = 8, kv_num_heads = 2> (q, k, v)
        }";
        assert_eq!(facts_at(23, packed), "float[N,T,96]; float[N,2,S,16]");
        assert_eq!(macs_of(packed), format!("{}*N*T*S", 8 * (16 + 12)));
    }

    #[test]
    fn states_are_carried() {
        let graph = "g (float[N,C,T] x, float[C,1,4] w, float[N,T,128] q, float[N,T,32] k, float[N,T,24] v) => (y, s, o, p) {
            y, s = CausalConvWithState(x, w)
            o, p = LinearAttention <q_num_heads = 8, kv_num_heads = 2> (q, k, v)
        }";
        assert_eq!(facts_of(graph), "float[N,C,T]; float[N,C,3]; float[N,T,96]; ?[N,2,16,12]");
        assert_eq!(macs_of(graph), "4*N*C*T; ?");
    }
}
