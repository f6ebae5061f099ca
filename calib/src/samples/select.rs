//! Parts of samples. What falls into which part depends on names and order alone, never on chance.

use super::Samples;

impl Samples {
    /// Part `part` of `parts`, counted from 1: every so-manieth sample.
    #[must_use]
    pub fn shard(mut self, part: usize, parts: usize) -> Self {
        let parts = parts.max(1);
        self.chosen = self.chosen.into_iter().enumerate().filter(|(k, _)| k % parts + 1 == part).map(|(_, at)| at).collect();
        self
    }

    /// At most so many, spread over all by the hashes of their names, in their order.
    #[must_use]
    pub fn take(mut self, most: usize) -> Self {
        if most < self.len() {
            let mut by_hash = self.by_hash();
            by_hash.truncate(most);
            by_hash.sort_unstable();
            self.chosen = by_hash.into_iter().map(|k| self.chosen[k]).collect();
        }
        self
    }

    /// Samples to fit on and samples to accept by, about 3 to 1: by the hash of its name, so that a sample stays on its side whatever others come and go.
    /// Of two samples or more, both have some.
    pub fn split(&self) -> (Vec<usize>, Vec<usize>) {
        let (mut accept, mut fit): (Vec<usize>, Vec<usize>) = (0..self.len()).partition(|k| self.name_hash(*k)[0].is_multiple_of(4));
        let by_hash = self.by_hash();
        let (from, to) = if accept.is_empty() { (&mut fit, &mut accept) } else { (&mut accept, &mut fit) };
        if to.is_empty() && from.len() >= 2 {
            from.retain(|k| *k != by_hash[0]);
            to.push(by_hash[0]);
        }
        (fit, accept)
    }

    /// All indices, by the hashes of names.
    fn by_hash(&self) -> Vec<usize> {
        let mut indices: Vec<usize> = (0..self.len()).collect();
        indices.sort_by_cached_key(|k| (self.name_hash(*k), *k));
        indices
    }

    fn name_hash(&self, index: usize) -> [u8; 32] {
        *blake3::hash(self.name(index).as_bytes()).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Samples;

    fn names(samples: &Samples) -> Vec<String> {
        (0..samples.len()).map(|k| samples.name(k)).collect()
    }

    #[test]
    fn shards_are_a_partition() {
        let all = Samples::random(&[], 10, 0);
        let mut parts: Vec<String> = (1..=3).flat_map(|k| names(&all.clone().shard(k, 3))).collect();
        parts.sort();
        assert_eq!(parts, names(&all));
        assert_eq!(all.clone().shard(2, 3).len(), 3);
    }

    #[test]
    fn a_subset_is_in_order_and_nested() {
        let all = Samples::random(&[], 100, 0);
        let (few, more) = (names(&all.clone().take(5)), names(&all.clone().take(20)));
        assert_eq!((few.len(), more.len()), (5, 20));
        assert!(few.iter().all(|n| more.contains(n)));
        assert_eq!(names(&all.clone().take(1000)), names(&all));
    }

    #[test]
    fn both_sides_of_a_split_have_some() {
        for count in 0..200 {
            let (fit, accept) = Samples::random(&[], count, 0).split();
            assert_eq!(fit.len() + accept.len(), count);
            assert!(count < 2 || !fit.is_empty() && !accept.is_empty());
        }
        let (fit, accept) = Samples::random(&[], 400, 0).split();
        assert!((2.0..4.5).contains(&(fit.len() as f64 / accept.len() as f64)));
    }
}
