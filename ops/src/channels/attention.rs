//! Fused attention: the widths of keys and of values can be cut, the number of heads stays.

use super::{ChannelRule, Port, Port::In, Port::Out, Span, Ties};
use shrinx_ir::Dim;

/// `Attention` of the standard domain: heads stand apart (rank 4) or are packed in the last axis (rank 3).
pub(crate) const ATTENTION: ChannelRule = ChannelRule::new(attention);

fn attention(ties: &mut Ties<'_>) {
    const HEADS: &str = "the heads are kept";
    let (query, key) = (ties.call.int("q_num_heads"), ties.call.int("kv_num_heads"));
    let ports = [(In(0), query), (In(1), key), (In(2), key), (Out(0), query)];
    let mut widths = Vec::new();
    for (port, heads) in ports {
        let Some(width) = width(ties, port, heads) else { return ties.lock_all(HEADS) };
        widths.push(width);
    }
    let cause = ties.cause("widths that are not known to be equal");
    for (a, b) in [(0, 1), (2, 3)] {
        ties.atoms.tie_spans(widths[a], widths[b], |_| cause);
    }
    for (cache, of) in [(In(4), 0), (In(5), 2), (Out(1), 0), (Out(2), 2)] {
        if let Some(span) = ties.span((cache, 3)) {
            ties.free((cache, 3));
            ties.atoms.tie_spans(span, widths[of], |_| cause);
        }
    }
    ties.lock_rest(HEADS);
}

/// The atoms of one head's width.
fn width(ties: &mut Ties<'_>, port: Port, heads: Option<i64>) -> Option<Span> {
    match ties.rank(port) {
        4 => {
            ties.free((port, 3));
            ties.span((port, 3))
        }
        3 => {
            let heads = heads.filter(|h| *h > 0)?;
            let packed = i64::try_from(ties.length((port, 2))?).ok().filter(|n| n % heads == 0)?;
            let factors = ties.split((port, 2), &[Dim::Known(heads), Dim::Known(packed / heads)]);
            let cause = ties.cause("the heads are kept");
            ties.atoms.lock_span(factors[0], cause);
            Some(factors[1])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::units_at;

    #[test]
    fn heads_lose_width() {
        let graph =
            "(float[N,T,4] q, float[N,S,4] k, float[N,S,4] v) => (y) { y = Attention <q_num_heads = 2, kv_num_heads = 2> (q, k, v) }";
        let units = "q2[0] q2[2] k2[0] k2[2]; q2[1] q2[3] k2[1] k2[3]; v2[0] v2[2] y2[0] y2[2]; v2[1] v2[3] y2[1] y2[3]";
        assert_eq!(units_at(23, "q, k, v, y", graph), units);
    }
}
