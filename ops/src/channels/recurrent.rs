//! Recurrent layers: a hidden unit has a row of each gate, and a column of the recurrence.

use super::{Axis, ChannelRule, Port::In, Port::Out, Ties};

pub(crate) const RNN: ChannelRule = ChannelRule::new(|ties| recurrent(ties, 1));
pub(crate) const GRU: ChannelRule = ChannelRule::new(|ties| recurrent(ties, 3));
pub(crate) const LSTM: ChannelRule = ChannelRule::new(|ties| recurrent(ties, 4));

fn recurrent(ties: &mut Ties<'_>, gates: usize) {
    let (x, w, r, b, peepholes) = (In(0), In(1), In(2), In(3), In(7));
    let hidden = (r, 2);
    let Some(units) = ties.length(hidden) else { return ties.lock_all("hidden units whose number is not known") };
    let mut tie_rows = |axis: Axis, blocks: usize| {
        if ties.has(axis.0) {
            ties.tie_each(axis, hidden, (0..blocks * units).map(|row| (row, row % units)));
        }
    };
    tie_rows((w, 1), gates);
    tie_rows((r, 1), gates);
    tie_rows((b, 1), 2 * gates);
    tie_rows((peepholes, 1), 3);
    for (port, axis) in [(In(5), 2), (In(6), 2), (Out(0), 3), (Out(1), 2), (Out(2), 2)] {
        ties.tie_axes((port, axis), hidden);
    }
    ties.tie_axes((x, 2), (w, 2));
    ties.lock_rest("steps, directions and batches");
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::units_of;

    #[test]
    fn a_hidden_unit_has_rows_and_a_column() {
        let graph =
            "(float[T,N,2] x, float[1,6,2] w, float[1,6,2] r, float[1,12] b) => (y, h) { y, h = GRU <hidden_size = 2> (x, w, r, b) }";
        let unit = |k: usize| {
            let rows = |name: &str, n: usize| (0..n).map(|g| format!("{name}1[{}]", 2 * g + k)).collect::<Vec<_>>().join(" ");
            format!("{} r2[{k}] {} y3[{k}] h2[{k}]", rows("r", 3), rows("b", 6))
        };
        assert_eq!(units_of("r, b, y, h", graph), format!("{}; {}", unit(0), unit(1)));
        assert_eq!(units_of("x, w", graph).split("; ").filter(|u| u.starts_with("x2")).collect::<Vec<_>>(), ["x2[0] w2[0]", "x2[1] w2[1]"]);
    }

    #[test]
    fn an_unknown_number_of_units_locks() {
        assert_eq!(units_of("x", "(float[T,N,2] x, float[1,G,2] w, float[1,G,H] r) => (y) { y = LSTM(x, w, r) }"), "");
    }
}
