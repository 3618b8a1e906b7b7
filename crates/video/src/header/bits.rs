//! Bits from the highest of the first byte on.

use crate::codec::CodecError;

/// Reads bits; never beyond the end.
#[derive(Clone, Debug)]
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    /// In bits.
    place: usize,
}

const ENDED: CodecError = CodecError::Malformed("a header that ends early");

impl<'a> BitReader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, place: 0 }
    }

    pub(crate) fn bit(&mut self) -> Result<bool, CodecError> {
        let byte = self.data.get(self.place / 8).ok_or(ENDED)?;
        let bit = byte >> (7 - self.place % 8) & 1;
        self.place += 1;
        Ok(bit == 1)
    }

    /// Up to 32 bits as a number.
    pub(crate) fn bits(&mut self, count: u32) -> Result<u32, CodecError> {
        debug_assert!(count <= 32);
        let mut value = 0_u64;
        for _ in 0..count {
            value = value << 1 | u64::from(self.bit()?);
        }
        Ok(value as u32)
    }

    pub(crate) fn skip(&mut self, count: u32) -> Result<(), CodecError> {
        self.bits(count).map(|_| ())
    }

    /// An Exp-Golomb code, ue(v) (H.264 section 9.1). Up to 32 bits.
    pub(crate) fn unsigned(&mut self) -> Result<u32, CodecError> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return Err(CodecError::Malformed("a number too large"));
            }
        }
        let rest = self.bits(zeros)?;
        Ok(((1_u64 << zeros) - 1 + u64::from(rest)) as u32)
    }

    /// A signed Exp-Golomb code, se(v).
    pub(crate) fn signed(&mut self) -> Result<i64, CodecError> {
        let code = i64::from(self.unsigned()?);
        Ok(if code % 2 == 1 { code / 2 + 1 } else { -(code / 2) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_the_standard_lists_them() {
        // 1 010 011 00100 00101 0001000, then padding.
        let data = [0b1010_0110, 0b0100_0010, 0b1000_1000];
        let mut reader = BitReader::new(&data);
        let numbers: Vec<u32> = (0..6).map(|_| reader.unsigned().unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 7]);
        assert_eq!(reader.unsigned(), Err(ENDED));
        let mut reader = BitReader::new(&data);
        let numbers: Vec<i64> = (0..6).map(|_| reader.signed().unwrap()).collect();
        assert_eq!(numbers, [0, 1, -1, 2, -2, 4]);
        assert!(BitReader::new(&[0; 9]).unsigned().is_err());
        // 31 zeros: the largest that fits.
        let mut largest = vec![0, 0, 0, 1];
        largest.extend([0xff; 4]);
        assert_eq!(BitReader::new(&largest).unsigned(), Ok(u32::MAX - 1));
    }
}
