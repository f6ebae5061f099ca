//! What a kernel sees: where its elements lie in the input, place by place of the output (im2col).

use crate::Call;

/// Where a convolution looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Lengths of the kernel, one a spatial axis.
    pub kernel: Vec<usize>,
    /// Steps.
    pub strides: Vec<usize>,
    /// Distances between the kernel's elements.
    pub dilations: Vec<usize>,
    /// Elements added in front, one a spatial axis.
    pub pads: Vec<i64>,
    /// Elements added behind, one a spatial axis.
    pub pads_behind: Vec<i64>,
    /// Of a transposed convolution, which steps along its output: what is added behind that. `None` for others.
    pub transposed: Option<Vec<i64>>,
}

impl Window {
    /// The window of a `Conv` with a kernel of these lengths.
    pub fn of(call: &Call<'_>, kernel: &[usize]) -> Result<Self, &'static str> {
        let n = kernel.len();
        let read = |name| match call.ints(name) {
            None => Some(vec![1; n]),
            Some(all) => (all.len() == n).then(|| all.iter().map(|x| usize::try_from(*x).ok().filter(|x| *x > 0)).collect())?,
        };
        let (strides, dilations) = (read("strides").ok_or("its strides are odd")?, read("dilations").ok_or("its dilations are odd")?);
        let pads = match call.string("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" | "" => call.ints("pads").map_or_else(|| vec![0; 2 * n], <[i64]>::to_vec),
            "VALID" => vec![0; 2 * n],
            // The border follows from the length of the input: with strides it may move by one.
            "SAME_UPPER" | "SAME_LOWER" if strides.iter().all(|s| *s == 1) => {
                let upper = call.string("auto_pad") == Some("SAME_UPPER");
                let total = kernel.iter().zip(&dilations).map(|(k, d)| ((k - 1) * d) as i64);
                let front = total.clone().map(|t| if upper { t / 2 } else { t - t / 2 });
                front.clone().chain(total.zip(front).map(|(t, f)| t - f)).collect()
            }
            _ => return Err("its padding follows from the length of its input"),
        };
        if pads.len() != 2 * n || pads.iter().any(|p| *p < 0) {
            return Err("its padding is odd");
        }
        let (pads, pads_behind) = (pads[..n].to_vec(), pads[n..].to_vec());
        Ok(Self { kernel: kernel.to_vec(), strides, dilations, pads, pads_behind, transposed: None })
    }

    /// The window of a `ConvTranspose` with a kernel of these lengths.
    pub fn of_transposed(call: &Call<'_>, kernel: &[usize]) -> Result<Self, &'static str> {
        let explicit = matches!(call.string("auto_pad").unwrap_or("NOTSET"), "NOTSET" | "" | "VALID");
        if !explicit || call.ints("output_shape").is_some() {
            return Err("its padding follows from the length of its input");
        }
        let extra = call.ints("output_padding").map_or_else(|| vec![0; kernel.len()], <[i64]>::to_vec);
        if extra.len() != kernel.len() || extra.iter().any(|e| *e < 0) {
            return Err("its padding is odd");
        }
        Ok(Self { transposed: Some(extra), ..Self::of(call, kernel)? })
    }

    /// The window that looks at one place along each of so many axes.
    pub fn point(axes: usize) -> Self {
        let (ones, zeros) = (vec![1; axes], vec![0; axes]);
        Self { kernel: ones.clone(), strides: ones.clone(), dilations: ones, pads: zeros.clone(), pads_behind: zeros, transposed: None }
    }

    /// Elements of the kernel.
    pub fn len(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Whether the kernel has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lengths of the output for those of the input.
    pub fn lengths(&self, space: &[usize]) -> Option<Vec<usize>> {
        if space.len() != self.kernel.len() {
            return None;
        }
        (0..space.len())
            .map(|a| {
                let (reach, pads) = ((self.dilations[a] * (self.kernel[a] - 1)) as i64, self.pads[a] + self.pads_behind[a]);
                if let Some(extra) = &self.transposed {
                    return usize::try_from((space[a] as i64 - 1) * self.strides[a] as i64 + reach + 1 + extra[a] - pads).ok();
                }
                let room = space[a] as i64 + pads - reach - 1;
                usize::try_from(room).ok().map(|room| room / self.strides[a] + 1)
            })
            .collect()
    }

    /// Where the kernel's elements lie in a channel of the input, for a place of the output; `None` where none is.
    pub fn offsets(&self, place: usize, out: &[usize], space: &[usize], found: &mut Vec<Option<usize>>) {
        let mut at = vec![0i64; out.len()];
        let mut rest = place;
        for a in (0..out.len()).rev() {
            at[a] = (rest % out[a]) as i64;
            rest /= out[a];
        }
        found.clear();
        for k in 0..self.len() {
            let (mut rest, mut offset, mut step) = (k, Some(0usize), 1usize);
            for a in (0..out.len()).rev() {
                let reach = (rest % self.kernel[a] * self.dilations[a]) as i64;
                let stride = self.strides[a] as i64;
                let x = match self.transposed {
                    None => Some(at[a] * stride - self.pads[a] + reach),
                    Some(_) => Some(at[a] + self.pads[a] - reach).filter(|x| x % stride == 0).map(|x| x / stride),
                };
                rest /= self.kernel[a];
                let x = x.filter(|x| *x >= 0 && *x < space[a] as i64);
                offset = offset.zip(x).map(|(o, x)| o + x as usize * step);
                step *= space[a];
            }
            found.push(offset);
        }
    }
}

/// Evenly spread numbers below `all`, at most `limit`, beginning elsewhere in each sample.
pub fn spread(all: usize, limit: usize, sample: usize) -> Vec<usize> {
    let count = all.min(limit);
    let start = if count == all { 0 } else { sample.wrapping_mul(0x9E37_79B9) % all };
    (0..count).map(|k| (start + k * all / count.max(1)) % all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_over_all() {
        assert_eq!(spread(4, 9, 3), [0, 1, 2, 3]);
        assert_eq!(spread(0, 9, 3), [] as [usize; 0]);
        let mut some = spread(100, 10, 7);
        some.sort_unstable();
        some.dedup();
        assert!(some.len() == 10 && some.windows(2).all(|w| w[1] - w[0] == 10));
    }

    #[test]
    fn a_transposed_window_mirrors_a_window() {
        let window = Window {
            kernel: vec![3, 2],
            strides: vec![2, 1],
            dilations: vec![1, 2],
            pads: vec![1, 0],
            pads_behind: vec![0, 1],
            transposed: None,
        };
        let (long, space) = ([6, 5], window.lengths(&[6, 5]).unwrap());
        let back = Window { transposed: Some(vec![0, 0]), ..window.clone() };
        assert_eq!(back.lengths(&space).unwrap(), long);
        let pairs = |window: &Window, out: &[usize], space: &[usize]| {
            let (mut found, mut pairs) = (Vec::new(), Vec::new());
            for place in 0..out.iter().product() {
                window.offsets(place, out, space, &mut found);
                pairs.extend(found.iter().enumerate().filter_map(|(k, o)| o.map(|o| (place, k, o))));
            }
            pairs
        };
        let mut mirrored: Vec<_> = pairs(&back, &long, &space).into_iter().map(|(place, k, o)| (o, k, place)).collect();
        mirrored.sort_unstable();
        assert_eq!(mirrored, pairs(&window, &space, &long));
    }
}
