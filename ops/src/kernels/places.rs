//! Movements that are no grid: element by element, or run by run.

use super::{Movement, elements::count};

/// The place of every element of the output, counted through all sources in turn.
#[derive(Clone, Debug)]
pub(crate) struct Places(pub(crate) Vec<usize>);

impl Movement for Places {
    fn apply<T: Clone>(&self, sources: &[&[T]]) -> Option<Vec<T>> {
        let find = |mut place: usize| {
            for source in sources {
                match place.checked_sub(source.len()) {
                    None => return source.get(place).cloned(),
                    Some(rest) => place = rest,
                }
            }
            None
        };
        self.0.iter().map(|place| find(*place)).collect()
    }
}

/// Sources set side by side along an axis.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    /// How often a run of each source follows.
    pub(crate) turns: usize,
    /// The length of the run of each source.
    pub(crate) runs: Vec<usize>,
}

impl Movement for Join {
    fn apply<T: Clone>(&self, sources: &[&[T]]) -> Option<Vec<T>> {
        let mut out = Vec::with_capacity(sources.iter().map(|s| s.len()).sum());
        for turn in 0..self.turns {
            for (source, run) in sources.iter().zip(&self.runs) {
                let from = turn.checked_mul(*run)?;
                out.extend_from_slice(source.get(from..from.checked_add(*run)?)?);
            }
        }
        Some(out)
    }
}

/// The steps between neighbours along each axis of a row-major array; `None` where they overflow.
pub(crate) fn strides(dims: &[u64]) -> Option<Vec<usize>> {
    (1..=dims.len()).map(|k| count(&dims[k..])).collect()
}

/// Every index of an array of this shape, row by row; `step` receives it, and stops by `None`.
pub(crate) fn each_index(dims: &[u64], mut step: impl FnMut(&[usize]) -> Option<()>) -> Option<()> {
    let mut index = vec![0usize; dims.len()];
    for _ in 0..count(dims)? {
        step(&index)?;
        for (i, d) in index.iter_mut().zip(dims).rev() {
            *i += 1;
            if (*i as u64) < *d {
                break;
            }
            *i = 0;
        }
    }
    Some(())
}

/// An index as ONNX writes it, where negative ones count from the end; `None` where it is out of range.
pub(crate) fn wrapped(index: i64, length: u64) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index.checked_add(length)? } else { index };
    (0..length).contains(&index).then_some(index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_run_through_the_sources() {
        assert_eq!(Places(vec![2, 0, 1]).apply(&[&[1, 2], &[3]]), Some(vec![3, 1, 2]));
        assert_eq!(Places(vec![3]).apply(&[&[1, 2], &[3]]), None);
    }

    #[test]
    fn joins_alternate() {
        let join = Join { turns: 2, runs: vec![1, 2] };
        assert_eq!(join.apply(&[&[1, 2][..], &[3, 4, 5, 6]]), Some(vec![1, 3, 4, 2, 5, 6]));
        assert_eq!(join.apply(&[&[1][..], &[3, 4, 5, 6]]), None);
    }

    #[test]
    fn indices_and_strides_are_row_major() {
        let mut seen = Vec::new();
        each_index(&[2, 2], |i| {
            seen.push(i.to_vec());
            Some(())
        });
        assert_eq!(seen, [[0, 0], [0, 1], [1, 0], [1, 1]]);
        assert_eq!(strides(&[2, 3, 4]), Some(vec![12, 4, 1]));
        assert_eq!(strides(&[2, u64::MAX, 3]), None);
        assert_eq!((wrapped(-1, 3), wrapped(3, 3), wrapped(i64::MIN, 3)), (Some(2), None, None));
    }
}
