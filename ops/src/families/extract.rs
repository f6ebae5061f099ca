//! What is drawn from raw data and from raw predictions: n-grams, pixels, boxes.

use crate::{Fact, Inference, Inferred, OpSpec, infer::InferError};
use shrinx_ir::{DataType, Dim};

pub(crate) const ROWS: &[OpSpec] = &[
    OpSpec::new("TfIdfVectorizer", tf_idf_vectorizer),
    OpSpec::new("ImageDecoder", |_| Ok(vec![Fact::new(Some(DataType::Uint8), None)])),
    OpSpec::new("NonMaxSuppression", non_max_suppression),
];

/// A row of n-grams becomes a count for each coordinate.
fn tf_idf_vectorizer(cx: &mut Inference<'_>) -> Inferred {
    let last = cx.call.ints("ngram_indexes").and_then(|all| all.iter().max());
    let shape = match (cx.shape(0), last) {
        (Some(mut shape), Some(last)) => {
            *shape.last_mut().ok_or_else(|| InferError("a scalar has no n-grams".into()))? = last.saturating_add(1).into();
            Some(shape)
        }
        _ => None,
    };
    Ok(vec![Fact::new(Some(DataType::Float), shape)])
}

fn non_max_suppression(cx: &mut Inference<'_>) -> Inferred {
    let selected = cx.fresh();
    Ok(vec![Fact::new(Some(DataType::Int64), Some(vec![selected, Dim::Known(3)]))])
}

#[cfg(test)]
mod tests {
    use crate::testing::facts_of;

    #[test]
    fn some_lengths_depend_on_the_data() {
        let graph = "g (int64[N,7] x, float[1,B,4] boxes, float[1,C,B] scores) => (t, s) {
            t = TfIdfVectorizer <mode = \"TF\", ngram_indexes = [2, 0, 5]> (x)
            s = NonMaxSuppression(boxes, scores)
        }";
        assert_eq!(facts_of(graph), "float[N,6]; int64[?3,3]");
    }
}
