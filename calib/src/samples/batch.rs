//! Samples one behind the other, as a batch.

use super::{SampleError, Samples};
use shrinx_rewrite::{ir::Tensor, ops::Feeds};

impl Samples {
    /// The first samples, at most so many, as one run along the first axis; `None` where that cannot be: the model fixes that axis, or they are of differing
    /// shapes, or have another length there than 1.
    pub fn batch(&self, most: usize) -> Result<Option<Feeds>, SampleError> {
        if !self.inputs.iter().all(super::InputSpec::has_open_batch) {
            return Ok(None);
        }
        let all = (0..self.len().min(most)).map(|k| Ok(self.load(k)?.feeds)).collect::<Result<Vec<Feeds>, SampleError>>()?;
        Ok(self.inputs.iter().map(|input| Some((input.name.clone(), stacked(&all, &input.name)?))).collect())
    }
}

/// The values of one input.
fn stacked(all: &[Feeds], name: &str) -> Option<Tensor> {
    let tensors: Vec<&Tensor> = all.iter().map(|feeds| feeds.get(name)).collect::<Option<_>>()?;
    let first = *tensors.first()?;
    let alike = tensors.iter().all(|t| t.dtype == first.dtype && t.dims == first.dims && t.dims.first() == Some(&1));
    let bytes = tensors.iter().map(|t| t.to_bytes()).collect::<Option<Vec<_>>>()?;
    alike.then(|| Tensor::raw(first.dtype, [&[all.len() as u64], &first.dims[1..]].concat(), bytes.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InputSpec;
    use shrinx_rewrite::ir::text;

    fn batch(inputs: &str, most: usize) -> Option<Tensor> {
        let model = text::parse(&format!("g ({inputs}) => (float[A,B] y) {{ y = Identity(x) }}")).unwrap();
        Samples::random(&InputSpec::of(&model), 3, 0).batch(most).unwrap()?.get("x").cloned()
    }

    #[test]
    fn samples_are_stacked_along_an_open_axis() {
        let all = batch("float[N,2] x", 8).unwrap();
        assert_eq!(all.dims, [3, 2]);
        let two = batch("float[N,2] x", 2).unwrap();
        assert_eq!(two.as_f32().unwrap()[..], all.as_f32().unwrap()[..4]);
    }

    #[test]
    fn a_fixed_axis_takes_no_batch() {
        assert_eq!(batch("float[1,2] x", 8), None);
        assert_eq!(batch("float[N,2] x, int64 length", 8), None);
    }
}
