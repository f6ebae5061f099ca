//! Sums over pairs of tensors, and the measures that follow from them.

use shrinx_rewrite::ir::{Tensor, TensorData};

/// What stands for "no difference", in decibels; below minus this, for "nothing in common".
pub const MAX_SQNR: f64 = 300.0;

/// How well values agree, over all elements of all samples. What only floats have is `None` for other types.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Measures {
    /// Elements compared.
    pub elements: u64,
    /// Share of them that are equal; NaN equals NaN.
    pub equal: f64,
    /// Largest absolute difference, of finite elements.
    pub max_abs: Option<f64>,
    /// Signal to noise in decibels, `10 log10(sum a^2 / sum (a-b)^2)`, of finite elements; within [`MAX_SQNR`], which stands for no difference.
    pub sqnr: Option<f64>,
    /// Cosine of the angle between both, of finite elements.
    pub cosine: Option<f64>,
    /// Share of rows (along the last axis, where it is longer than 1) whose largest element stands at the same place.
    pub argmax: Option<f64>,
    /// NaN and infinite elements of A.
    pub non_finite_a: u64,
    /// NaN and infinite elements of B.
    pub non_finite_b: u64,
    /// Elements that are NaN or infinite in one and something else in the other.
    pub non_finite_apart: u64,
}

/// Sums, sample by sample.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    elements: u64,
    equal: u64,
    floats: u64,
    signal: f64,
    noise: f64,
    dot: f64,
    other: f64,
    max_abs: f64,
    rows: u64,
    same_rows: u64,
    non_finite_a: u64,
    non_finite_b: u64,
    non_finite_apart: u64,
}

impl Tally {
    /// Adds the values of one sample, or says why they cannot be compared.
    pub fn add(&mut self, a: &Tensor, b: &Tensor) -> Result<(), String> {
        if a.dims != b.dims {
            return Err(format!("shape {:?} in A, {:?} in B", a.dims, b.dims));
        }
        if let (Some(x), Some(y)) = (a.to_f64(), b.to_f64()) {
            self.add_floats(&x, &y);
            if let Some(length) = a.dims.last().filter(|n| **n > 1) {
                self.add_rows(&x, &y, *length as usize);
            }
            return Ok(());
        }
        if a.dtype != b.dtype {
            return Err(format!("type {} in A, {} in B", a.dtype, b.dtype));
        }
        self.elements += a.len() as u64;
        self.equal += match (a.to_integers(), b.to_integers(), &a.data, &b.data) {
            (Some(x), Some(y), _, _) => same(&x, &y),
            (_, _, TensorData::Strings(x), TensorData::Strings(y)) => same(x, y),
            _ if a.same_content(b) => a.len() as u64,
            _ => 0,
        };
        Ok(())
    }

    fn add_floats(&mut self, a: &[f64], b: &[f64]) {
        self.elements += a.len() as u64;
        self.floats += a.len() as u64;
        for (&x, &y) in a.iter().zip(b) {
            let equal = x == y || x.is_nan() && y.is_nan();
            self.equal += u64::from(equal);
            if x.is_finite() && y.is_finite() {
                let difference = x - y;
                self.signal += x * x;
                self.other += y * y;
                self.dot += x * y;
                self.noise += difference * difference;
                self.max_abs = self.max_abs.max(difference.abs());
            } else {
                self.non_finite_a += u64::from(!x.is_finite());
                self.non_finite_b += u64::from(!y.is_finite());
                self.non_finite_apart += u64::from(!equal);
            }
        }
    }

    fn add_rows(&mut self, a: &[f64], b: &[f64], length: usize) {
        for (x, y) in a.chunks_exact(length).zip(b.chunks_exact(length)) {
            self.rows += 1;
            self.same_rows += u64::from(argmax(x) == argmax(y));
        }
    }

    /// Adds what another tally saw.
    pub fn absorb(&mut self, other: &Self) {
        self.elements += other.elements;
        self.equal += other.equal;
        self.floats += other.floats;
        self.signal += other.signal;
        self.noise += other.noise;
        self.dot += other.dot;
        self.other += other.other;
        self.max_abs = self.max_abs.max(other.max_abs);
        self.rows += other.rows;
        self.same_rows += other.same_rows;
        self.non_finite_a += other.non_finite_a;
        self.non_finite_b += other.non_finite_b;
        self.non_finite_apart += other.non_finite_apart;
    }

    /// Whether it saw floats.
    pub fn is_float(&self) -> bool {
        self.floats > 0
    }

    /// What follows from the sums.
    pub fn measures(&self) -> Measures {
        let float = |value: f64| self.is_float().then_some(value);
        let share = |part: u64, all: u64| if all == 0 { 1.0 } else { part as f64 / all as f64 };
        let lengths = (self.signal * self.other).sqrt();
        let cosine = match (self.signal > 0.0, self.other > 0.0) {
            (true, true) => (self.dot / lengths).clamp(-1.0, 1.0),
            (a, b) => f64::from(u8::from(a == b)),
        };
        let sqnr = if self.noise > 0.0 { 10.0 * (self.signal.log10() - self.noise.log10()) } else { MAX_SQNR };
        Measures {
            elements: self.elements,
            equal: share(self.equal, self.elements),
            max_abs: float(self.max_abs),
            sqnr: float(sqnr.clamp(-MAX_SQNR, MAX_SQNR)),
            cosine: float(cosine),
            argmax: (self.rows > 0).then(|| share(self.same_rows, self.rows)),
            non_finite_a: self.non_finite_a,
            non_finite_b: self.non_finite_b,
            non_finite_apart: self.non_finite_apart,
        }
    }
}

fn same<T: PartialEq>(a: &[T], b: &[T]) -> u64 {
    a.iter().zip(b).filter(|(x, y)| x == y).count() as u64
}

/// The first place of the largest element; NaN is never the largest.
fn argmax(row: &[f64]) -> usize {
    let mut best = 0;
    for (k, x) in row.iter().enumerate() {
        if *x > row[best] || row[best].is_nan() {
            best = k;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrinx_rewrite::ir::DataType;

    fn measures(a: &Tensor, b: &Tensor) -> Measures {
        let mut tally = Tally::default();
        tally.add(a, b).unwrap();
        tally.measures()
    }

    fn floats(data: &[f32]) -> Tensor {
        Tensor::from_f32([1, data.len() as u64], data)
    }

    #[test]
    fn sums_give_the_measures() {
        let made = measures(&floats(&[3.0, 4.0]), &floats(&[3.0, 3.5]));
        assert_eq!((made.max_abs, made.equal, made.argmax), (Some(0.5), 0.5, Some(1.0)));
        assert!((made.sqnr.unwrap() - 20.0).abs() < 1e-9);
        assert!((made.cosine.unwrap() - 23.0 / (5.0 * 21.25f64.sqrt())).abs() < 1e-12);
    }

    #[test]
    fn samples_add_up_in_any_grouping() {
        let pairs = [(floats(&[3.0, 4.0]), floats(&[3.0, 3.5])), (floats(&[1.0]), floats(&[1.5]))];
        let (mut whole, mut parts) = (Tally::default(), Tally::default());
        for (a, b) in &pairs {
            whole.add(a, b).unwrap();
            let mut part = Tally::default();
            part.add(a, b).unwrap();
            parts.absorb(&part);
        }
        assert_eq!(whole.measures(), parts.measures());
        assert_eq!(whole.measures().argmax, Some(1.0), "one row alone has two columns");
    }

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let made = measures(&floats(&[f32::NAN, f32::INFINITY, 1.0, 2.0]), &floats(&[f32::NAN, 1.0, 1.0, 2.0]));
        assert_eq!((made.non_finite_a, made.non_finite_b, made.non_finite_apart), (2, 1, 1));
        assert_eq!((made.sqnr, made.cosine, made.equal), (Some(MAX_SQNR), Some(1.0), 0.75));
    }

    #[test]
    fn nothing_at_all_has_no_angle() {
        let zero = floats(&[0.0, 0.0]);
        assert_eq!(measures(&zero, &zero).cosine, Some(1.0));
        let made = measures(&zero, &floats(&[1.0, 0.0]));
        assert_eq!((made.cosine, made.sqnr), (Some(0.0), Some(-MAX_SQNR)));
    }

    #[test]
    fn integers_and_halves() {
        let made = measures(&Tensor::vector_i64(&[1, 2, 3, 4]), &Tensor::vector_i64(&[1, 2, 3, 5]));
        assert_eq!((made.equal, made.sqnr, made.argmax), (0.75, None, None));
        let half = Tensor::from_f64(DataType::Float16, [1, 2], &[1.0, 2.0]).unwrap();
        assert_eq!(measures(&floats(&[1.0, 2.0]), &half).sqnr, Some(MAX_SQNR));
    }

    #[test]
    fn shapes_and_types_must_agree() {
        let mut tally = Tally::default();
        assert_eq!(tally.add(&floats(&[1.0]), &floats(&[1.0, 2.0])).unwrap_err(), "shape [1, 1] in A, [1, 2] in B");
        assert_eq!(tally.add(&floats(&[1.0]), &Tensor::from_i64([1, 1], &[1])).unwrap_err(), "type float in A, int64 in B");
    }
}
