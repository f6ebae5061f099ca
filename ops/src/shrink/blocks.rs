//! Axes in equal blocks: the groups of a convolution, the heads of an attention, the groups of a normalization.

use super::Unfit;

/// What the blocks of an axis keep.
pub(super) struct Blocks {
    /// Places within its block, by block.
    kept: Vec<Vec<usize>>,
}

impl Blocks {
    /// The kept indices of an axis of `length` indices in `count` blocks.
    pub(super) fn of(kept: &[usize], length: usize, count: usize) -> Result<Self, Unfit> {
        let size = length.checked_div(count).filter(|size| size * count == length && *size > 0);
        let size = size.ok_or(Unfit::because("its groups do not divide an axis"))?;
        let mut blocks = vec![Vec::new(); count];
        for index in kept {
            blocks[index / size].push(index % size);
        }
        Ok(Self { kept: blocks })
    }

    /// How many blocks keep something. All that do must keep the same number.
    pub(super) fn alive(&self) -> Result<usize, Unfit> {
        let mut counts = self.kept.iter().map(Vec::len).filter(|n| *n > 0);
        let first = counts.next().ok_or(Unfit::because("nothing would be left"))?;
        if counts.any(|n| n != first) {
            return Err(Unfit::because("its groups lose different numbers of indices"));
        }
        Ok(self.kept.iter().filter(|b| !b.is_empty()).count())
    }

    /// Whether the same blocks of both keep something.
    pub(super) fn live_with(&self, other: &Self) -> bool {
        self.kept.iter().map(Vec::is_empty).eq(other.kept.iter().map(Vec::is_empty))
    }

    /// The blocks that keep something.
    pub(super) fn living(&self) -> impl Iterator<Item = &[usize]> {
        self.kept.iter().map(Vec::as_slice).filter(|b| !b.is_empty())
    }
}
