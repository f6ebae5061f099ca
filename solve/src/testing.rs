//! Seeded random numbers for tests.

/// A generator of the SplitMix64 family.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64) / (1_u64 << 53) as f64
    }

    /// Nearly normal: the sum of twelve uniform numbers.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    pub(crate) fn normals(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.normal()).collect()
    }

    /// A covariance `[n, n]` of `rows` correlated rows.
    pub(crate) fn covariance(&mut self, n: usize, rows: usize) -> Vec<f64> {
        let mix = self.normals(n * n);
        let mut gram = vec![0.0; n * n];
        for _ in 0..rows {
            let seed = self.normals(n);
            let x: Vec<f64> = (0..n).map(|i| seed[i] + (0..n).map(|j| mix[i * n + j] * seed[j]).sum::<f64>()).collect();
            for (i, a) in x.iter().enumerate() {
                x.iter().enumerate().for_each(|(j, b)| gram[i * n + j] += a * b / rows as f64);
            }
        }
        gram
    }
}
