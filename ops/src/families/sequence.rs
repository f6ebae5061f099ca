//! Sequences and optionals. Facts speak of tensors, so that of these little is known but that they have no effects.

use super::elementwise::same_as_input;
use crate::{Fact, Inferred, OpSpec, infer::unknown};
use shrinx_ir::DataType;

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("SequenceConstruct", unknown),
    OpSpec::new("SequenceEmpty", unknown),
    OpSpec::new("SequenceInsert", unknown),
    OpSpec::new("SequenceErase", unknown),
    OpSpec::new("SequenceAt", unknown),
    OpSpec::new("SequenceLength", |_| scalar(DataType::Int64)),
    OpSpec::new("SequenceMap", unknown),
    OpSpec::new("SplitToSequence", unknown),
    OpSpec::new("ConcatFromSequence", unknown),
    OpSpec::new("Optional", unknown),
    OpSpec::new("OptionalHasElement", |_| scalar(DataType::Bool)),
    // A tensor is handed through; of anything else nothing is known.
    OpSpec::new("OptionalGetElement", same_as_input),
];

fn scalar(dtype: DataType) -> Inferred {
    Ok(vec![Fact::new(Some(dtype), Some(vec![]))])
}

#[cfg(test)]
mod tests {
    use crate::testing::facts_of;

    #[test]
    fn only_tensors_have_facts() {
        let graph = "g (float[N] x) => (s, n, e, h) {
            s = SequenceConstruct(x)
            n = SequenceLength(s)
            e = OptionalGetElement(x)
            h = OptionalHasElement(x)
        }";
        assert_eq!(facts_of(graph), "?[?]; int64[]; float[N]; bool[]");
    }
}
