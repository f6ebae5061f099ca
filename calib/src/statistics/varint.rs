//! Numbers of variable length (LEB128), and what else the file consists of.

use super::StatisticsError;

/// Writes bytes.
#[derive(Default)]
pub(super) struct Encoder(pub(super) Vec<u8>);

impl Encoder {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn unsigned(&mut self, mut n: u128) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    pub(super) fn count(&mut self, n: impl TryInto<u64>) {
        self.unsigned(u128::from(n.try_into().unwrap_or(u64::MAX)));
    }

    pub(super) fn signed(&mut self, n: i128) {
        self.unsigned((n << 1 ^ n >> 127).cast_unsigned());
    }

    pub(super) fn float(&mut self, x: f32) {
        self.bytes(&x.to_bits().to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.bytes(text.as_bytes());
    }
}

/// Reads bytes that nobody vouches for.
pub(super) struct Decoder<'a>(pub(super) &'a [u8]);

impl<'a> Decoder<'a> {
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], StatisticsError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(StatisticsError::Damaged("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], StatisticsError> {
        self.bytes(N)?.try_into().map_err(|_| StatisticsError::Damaged("it ends too early"))
    }

    pub(super) fn unsigned(&mut self) -> Result<u128, StatisticsError> {
        let mut n = 0u128;
        for shift in (0..128).step_by(7) {
            let [byte] = self.array()?;
            let part = u128::from(byte & 0x7f);
            if part << shift >> shift != part {
                break;
            }
            n |= part << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(StatisticsError::Damaged("a number is too large"))
    }

    pub(super) fn count(&mut self) -> Result<u64, StatisticsError> {
        u64::try_from(self.unsigned()?).map_err(|_| StatisticsError::Damaged("a count is too large"))
    }

    /// A number of things that take at least `each` bytes in what follows.
    pub(super) fn length(&mut self, each: usize) -> Result<usize, StatisticsError> {
        let length = usize::try_from(self.count()?).ok();
        let fits = |n: &usize| n.checked_mul(each).is_some_and(|bytes| bytes <= self.0.len());
        length.filter(fits).ok_or(StatisticsError::Damaged("a length exceeds what there is"))
    }

    pub(super) fn signed(&mut self) -> Result<i128, StatisticsError> {
        let n = self.unsigned()?;
        Ok((n >> 1).cast_signed() ^ -((n & 1).cast_signed()))
    }

    pub(super) fn float(&mut self) -> Result<f32, StatisticsError> {
        let x = f32::from_bits(u32::from_le_bytes(self.array()?));
        if x.is_nan() { Err(StatisticsError::Damaged("an extreme is NaN")) } else { Ok(x) }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, StatisticsError> {
        let length = self.length(1)?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| StatisticsError::Damaged("a name is no UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        let numbers = [0, 1, -1, 63, -64, 64, i128::MAX, i128::MIN, i128::from(i64::MIN)];
        let mut encoder = Encoder::default();
        for n in numbers {
            encoder.signed(n);
        }
        let mut decoder = Decoder(&encoder.0);
        assert_eq!(numbers.map(|_| decoder.signed().unwrap()), numbers);
        assert!(decoder.0.is_empty());
    }

    #[test]
    fn what_is_too_large_or_cut_is_refused() {
        assert_eq!(Decoder(&[0xff; 30]).unsigned(), Err(StatisticsError::Damaged("a number is too large")));
        assert_eq!(Decoder(&[0xff; 3]).unsigned(), Err(StatisticsError::Damaged("it ends too early")));
        assert_eq!(Decoder(&[9, 0, 0]).length(1), Err(StatisticsError::Damaged("a length exceeds what there is")));
    }
}
