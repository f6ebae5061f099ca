//! One walk over the cells of several shapes that broadcast to one (ONNX "Multidirectional Broadcasting").

/// Shapes that broadcast to one, and where each cell of it lies in every operand.
pub(crate) struct Broadcast<const N: usize> {
    /// The shape they broadcast to.
    pub(crate) dims: Vec<u64>,
    strides: Vec<[usize; N]>,
}

impl<const N: usize> Broadcast<N> {
    /// `None` where the shapes do not broadcast.
    pub(crate) fn new(shapes: [&[u64]; N]) -> Option<Self> {
        let rank = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
        let (mut dims, mut strides) = (vec![1; rank], vec![[0; N]; rank]);
        for (operand, shape) in shapes.iter().enumerate() {
            let mut step = 1usize;
            for (axis, &length) in (rank - shape.len()..rank).zip(shape.iter()).rev() {
                if length != 1 {
                    if dims[axis] != 1 && dims[axis] != length {
                        return None;
                    }
                    dims[axis] = length;
                    strides[axis][operand] = step;
                }
                step = step.checked_mul(usize::try_from(length).ok()?)?;
            }
        }
        Some(Self { dims, strides })
    }

    /// Number of cells; `None` on overflow.
    pub(crate) fn len(&self) -> Option<usize> {
        self.dims.iter().try_fold(1usize, |n, d| n.checked_mul(usize::try_from(*d).ok()?))
    }

    /// For each cell, row by row, its place in every operand.
    pub(crate) fn cells(&self) -> Cells<'_, N> {
        Cells { walk: self, index: vec![0; self.dims.len()], at: [0; N], left: self.len().unwrap_or(0) }
    }
}

/// Iterator of [`Broadcast::cells`].
pub(crate) struct Cells<'a, const N: usize> {
    walk: &'a Broadcast<N>,
    index: Vec<u64>,
    at: [usize; N],
    left: usize,
}

impl<const N: usize> Iterator for Cells<'_, N> {
    type Item = [usize; N];

    fn next(&mut self) -> Option<[usize; N]> {
        self.left = self.left.checked_sub(1)?;
        let cell = self.at;
        for axis in (0..self.index.len()).rev() {
            self.index[axis] += 1;
            if self.index[axis] < self.walk.dims[axis] {
                for (at, stride) in self.at.iter_mut().zip(&self.walk.strides[axis]) {
                    *at += stride;
                }
                break;
            }
            for (at, stride) in self.at.iter_mut().zip(&self.walk.strides[axis]) {
                *at -= stride * (self.index[axis] as usize - 1);
            }
            self.index[axis] = 0;
        }
        Some(cell)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_a_row_against_a_column() {
        let walk = Broadcast::new([&[3], &[2, 1]]).unwrap();
        assert_eq!(walk.dims, [2, 3]);
        assert_eq!(walk.cells().collect::<Vec<_>>(), [[0, 0], [1, 0], [2, 0], [0, 1], [1, 1], [2, 1]]);
    }

    #[test]
    fn keeps_empty_and_scalar_shapes_apart() {
        assert_eq!(Broadcast::new([&[], &[]]).unwrap().cells().count(), 1);
        assert_eq!(Broadcast::new([&[0], &[1]]).unwrap().cells().count(), 0);
        assert!(Broadcast::new([&[2], &[3]]).is_none());
        assert!(Broadcast::new([&[0], &[2]]).is_none());
        assert_eq!(Broadcast::new([&[u64::MAX, 2, 1], &[1]]).and_then(|w| w.len()), None);
    }
}
