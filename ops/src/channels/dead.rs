//! Slices of weights that are zero throughout: what is made of them alone can go for nothing, so that a merged axis is best cut along it.

use super::{Atoms, Span};
use crate::constant;
use shrinx_ir::{Bytes, Model, Tensor};

/// By root atom: whether weights are among what is tied to it, and whether any of them is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    weighs: bool,
    alive: bool,
}

impl Mark {
    pub(super) fn join(self, other: Self) -> Self {
        Self { weighs: self.weighs || other.weighs, alive: self.alive || other.alive }
    }
}

impl Atoms {
    /// Looks at the free slices of all weights of two axes or more.
    pub(super) fn weigh(&mut self, model: &Model) {
        self.marks = vec![Mark::default(); self.len()];
        for value in model.values() {
            let axes = self.axes(value).unwrap_or_default().to_vec();
            let Some(tensor) = (axes.len() > 1).then(|| constant(model, value)).flatten() else { continue };
            let Some(elements) = Elements::of(&tensor) else { continue };
            for (axis, span) in axes.into_iter().enumerate().filter(|(_, s)| s.len > 1) {
                for (index, atom) in span.atoms().enumerate() {
                    if self.locked(atom).is_some() {
                        continue;
                    }
                    let root = self.root(atom) as usize;
                    let alive = self.marks[root].alive || elements.any(&tensor.dims, axis, index);
                    self.marks[root] = Mark { weighs: true, alive };
                }
            }
        }
    }

    /// Whether a merged axis has slices of a factor of which nothing but zeros is left.
    pub(super) fn has_dead(&mut self, whole: Span, stride: u32, length: u32) -> bool {
        let mut slices = vec![Mark::default(); length as usize];
        for place in 0..whole.len {
            let root = self.root(whole.first + place) as usize;
            let slice = &mut slices[(place / stride % length) as usize];
            *slice = slice.join(self.marks[root]);
        }
        slices.iter().any(|slice| slice.weighs && !slice.alive)
    }
}

/// The bytes of a tensor: an element is zero where all of its bytes are.
struct Elements {
    bytes: Bytes,
    width: usize,
}

impl Elements {
    fn of(tensor: &Tensor) -> Option<Self> {
        let (bytes, count) = (tensor.to_bytes()?, tensor.len());
        let width = bytes.len().checked_div(count).filter(|width| width * count == bytes.len() && *width > 0)?;
        Some(Self { bytes, width })
    }

    /// Whether a slice has an element that is not zero.
    fn any(&self, dims: &[u64], axis: usize, index: usize) -> bool {
        let inner = dims[axis + 1..].iter().product::<u64>() as usize * self.width;
        let step = dims[axis] as usize * inner;
        self.bytes.chunks_exact(step.max(1)).any(|run| run[index * inner..(index + 1) * inner].iter().any(|b| *b != 0))
    }
}

#[cfg(test)]
mod tests {
    use crate::channels::testing::units_of;

    fn heads(weight: &str) -> String {
        units_of(
            "y",
            &format!(
                "(float[N,T,2] x) => (y) <float[2,4] w = {{{weight}}}, int64[4] s = {{0, 0, 2, 2}}> {{ m = MatMul(x, w) y = Reshape(m, s) }}"
            ),
        )
    }

    #[test]
    fn heads_of_zeros_go_as_wholes() {
        assert_eq!(heads("1, 1, 0, 0, 1, 1, 0, 0"), "y2[0]; y2[1]");
    }

    #[test]
    fn heads_that_live_lose_width() {
        assert_eq!(heads("1, 1, 0, 0, 1, 1, 0, 1"), "y3[0]; y3[1]");
    }
}
