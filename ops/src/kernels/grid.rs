//! Movements that treat each axis by itself: slices, permutations, repetitions, picks, padding.

use super::{Movement, elements::count, places::strides};

/// Ranks beyond this are left alone: no model has them, and the walk is recursive.
const MAX_RANK: usize = 64;

/// Which places of the source stand along each axis of the output: an element's place is the sum over its axes.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    axes: Vec<Axis>,
}

#[derive(Clone, Debug)]
enum Axis {
    /// Evenly spaced.
    Span { start: usize, step: isize, len: usize },
    /// Any; `None` stands for the fill value.
    List(Vec<Option<usize>>),
}

impl Axis {
    fn len(&self) -> usize {
        match self {
            Self::Span { len, .. } => *len,
            Self::List(places) => places.len(),
        }
    }

    fn at(&self, k: usize) -> Option<usize> {
        match self {
            Self::Span { start, step, .. } => start.checked_add_signed(step.checked_mul(isize::try_from(k).ok()?)?),
            Self::List(places) => *places.get(k)?,
        }
    }
}

impl Grid {
    /// All of a row-major array, as it is.
    pub(crate) fn of(dims: &[u64]) -> Option<Self> {
        count(dims)?;
        let axis =
            |(len, step): (&u64, usize)| Some(Axis::Span { start: 0, step: step.try_into().ok()?, len: usize::try_from(*len).ok()? });
        let axes = dims.iter().zip(strides(dims)?).map(axis).collect::<Option<_>>()?;
        (dims.len() <= MAX_RANK).then_some(Self { axes })
    }

    /// Lengths of the axes.
    pub(crate) fn dims(&self) -> Vec<u64> {
        self.axes.iter().map(|a| a.len() as u64).collect()
    }

    /// Axis `perm[k]` moved to place `k`; `perm` is a permutation.
    pub(crate) fn permuted(&self, perm: &[usize]) -> Option<Self> {
        Some(Self { axes: perm.iter().map(|p| self.axes.get(*p).cloned()).collect::<Option<_>>()? })
    }

    /// `len` places along an axis, from `start` on, `step` apart.
    pub(crate) fn sliced(mut self, axis: usize, start: u64, step: i64, len: u64) -> Option<Self> {
        let (start, len) = (usize::try_from(start).ok()?, usize::try_from(len).ok()?);
        let old = self.axes.get(axis)?;
        let end = start.checked_add_signed(isize::try_from(step).ok()?.checked_mul(isize::try_from(len.saturating_sub(1)).ok()?)?)?;
        let sliced = match old {
            _ if len == 0 => Axis::List(Vec::new()),
            _ if start.max(end) >= old.len() => return None,
            Axis::Span { step: stride, .. } => {
                Axis::Span { start: old.at(start)?, step: stride.checked_mul(isize::try_from(step).ok()?)?, len }
            }
            Axis::List(_) => return None,
        };
        self.axes[axis] = sliced;
        Some(self)
    }

    /// Some places along an axis, in this order; `None` for the fill value.
    pub(crate) fn picked(mut self, axis: usize, picks: impl IntoIterator<Item = Option<usize>>) -> Option<Self> {
        let old = self.axes.get(axis)?;
        let pick = |k: Option<usize>| match k {
            Some(k) if k < old.len() => old.at(k).map(Some),
            Some(_) => None,
            None => Some(None),
        };
        self.axes[axis] = Axis::List(picks.into_iter().map(pick).collect::<Option<_>>()?);
        Some(self)
    }

    /// A new axis before axis `at`, along which everything is repeated.
    pub(crate) fn repeated(mut self, at: usize, times: u64) -> Option<Self> {
        if at > self.axes.len() || self.axes.len() >= MAX_RANK {
            return None;
        }
        self.axes.insert(at, Axis::Span { start: 0, step: 0, len: usize::try_from(times).ok()? });
        Some(self)
    }

    /// An axis of length 1, stretched.
    pub(crate) fn stretched(mut self, axis: usize, times: u64) -> Option<Self> {
        let old = self.axes.get(axis).filter(|a| a.len() == 1)?;
        self.axes[axis] = Axis::Span { start: old.at(0)?, step: 0, len: usize::try_from(times).ok()? };
        Some(self)
    }

    /// An axis cut into two, the inner one of length `inner`.
    pub(crate) fn split(mut self, axis: usize, inner: u64) -> Option<Self> {
        let inner = usize::try_from(inner).ok().filter(|n| *n > 0)?;
        let Some(&Axis::Span { start, step, len }) = self.axes.get(axis) else { return None };
        if !len.is_multiple_of(inner) || self.axes.len() >= MAX_RANK {
            return None;
        }
        let outer = Axis::Span { start, step: step.checked_mul(isize::try_from(inner).ok()?)?, len: len / inner };
        self.axes.splice(axis..=axis, [outer, Axis::Span { start: 0, step, len: inner }]);
        Some(self)
    }

    /// The axes, with neighbours joined where they step as one: long runs are copied at once.
    fn joined(&self) -> Vec<Axis> {
        let mut out: Vec<Axis> = Vec::with_capacity(self.axes.len());
        for axis in &self.axes {
            let joint = match (out.last(), axis) {
                (Some(Axis::Span { start: a, step: wide, len: n }), Axis::Span { start: b, step, len }) => {
                    let together = isize::try_from(*len).ok().and_then(|len| step.checked_mul(len)) == Some(*wide);
                    if together { a.checked_add(*b).zip(n.checked_mul(*len)).map(|(start, len)| (start, *step, len)) } else { None }
                }
                _ => None,
            };
            match (joint, out.last_mut()) {
                (Some((start, step, len)), Some(last)) => *last = Axis::Span { start, step, len },
                _ => out.push(axis.clone()),
            }
        }
        out
    }
}

/// Takes elements from the first source; the second, where there is one, holds the fill value.
impl Movement for Grid {
    fn apply<T: Clone>(&self, sources: &[&[T]]) -> Option<Vec<T>> {
        let len = count(&self.dims())?;
        let mut walk = Walk { source: sources.first()?, fill: sources.get(1).and_then(|f| f.first()), out: Vec::with_capacity(len) };
        if len > 0 {
            walk.axes(&self.joined(), 0)?;
        }
        Some(walk.out)
    }
}

struct Walk<'a, T> {
    source: &'a [T],
    fill: Option<&'a T>,
    out: Vec<T>,
}

impl<T: Clone> Walk<'_, T> {
    fn axes(&mut self, axes: &[Axis], base: usize) -> Option<()> {
        match axes {
            [] => self.out.push(self.source.get(base)?.clone()),
            [Axis::Span { start, step: 1, len }] => {
                let from = base.checked_add(*start)?;
                self.out.extend_from_slice(self.source.get(from..from.checked_add(*len)?)?);
            }
            [axis, inner @ ..] => {
                for k in 0..axis.len() {
                    let Some(place) = axis.at(k) else {
                        let block = inner.iter().map(Axis::len).product::<usize>();
                        self.out.extend(std::iter::repeat_n(self.fill?, block).cloned());
                        continue;
                    };
                    self.axes(inner, base.checked_add(place)?)?;
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(grid: Option<Grid>) -> Option<Vec<i32>> {
        grid?.apply(&[&[0, 1, 2, 3, 4, 5], &[9]])
    }

    fn all() -> Grid {
        Grid::of(&[2, 3]).unwrap()
    }

    #[test]
    fn axes_are_independent() {
        assert_eq!(taken(Some(all())), Some(vec![0, 1, 2, 3, 4, 5]));
        assert_eq!(taken(all().permuted(&[1, 0])), Some(vec![0, 3, 1, 4, 2, 5]));
        assert_eq!(taken(all().sliced(1, 2, -2, 2)), Some(vec![2, 0, 5, 3]));
        assert_eq!(taken(all().picked(0, [Some(1), None])), Some(vec![3, 4, 5, 9, 9, 9]));
        assert_eq!(taken(all().sliced(1, 1, 1, 1).and_then(|g| g.stretched(1, 2))), Some(vec![1, 1, 4, 4]));
        assert_eq!(taken(Grid::of(&[6]).unwrap().split(0, 3).and_then(|g| g.permuted(&[1, 0]))), Some(vec![0, 3, 1, 4, 2, 5]));
        assert_eq!(taken(Grid::of(&[3]).unwrap().repeated(0, 2)), Some(vec![0, 1, 2, 0, 1, 2]));
        assert_eq!(all().joined().len(), 1);
    }

    #[test]
    fn what_lies_outside_is_refused() {
        assert!(all().sliced(1, 1, 1, 3).is_none());
        assert!(all().sliced(0, 0, -1, 2).is_none());
        assert!(all().picked(1, [Some(3)]).is_none());
        assert!(Grid::of(&[u64::MAX, 3]).is_none());
        assert!(Grid::of(&[1; 65]).is_none());
        assert_eq!(Grid::of(&[4, 3]).unwrap().apply(&[&[0; 6]]), None);
    }
}
