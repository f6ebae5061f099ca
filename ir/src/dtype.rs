//! Element types (ONNX IR specification, `TensorProto.DataType`).

use std::fmt;

macro_rules! data_types {
    ($($variant:ident = $code:literal, $name:literal, $bits:literal;)*) => {
        /// The element type of a tensor.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum DataType { $($variant = $code,)* }

        impl DataType {
            /// Every type that ONNX defines.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in ONNX's textual syntax.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Bits an element takes in `raw_data`; 0 for strings and undefined.
            pub fn bits(self) -> u64 {
                match self { $(Self::$variant => $bits,)* }
            }
        }
    };
}

data_types! {
    Undefined = 0, "undefined", 0;
    Float = 1, "float", 32;
    Uint8 = 2, "uint8", 8;
    Int8 = 3, "int8", 8;
    Uint16 = 4, "uint16", 16;
    Int16 = 5, "int16", 16;
    Int32 = 6, "int32", 32;
    Int64 = 7, "int64", 64;
    String = 8, "string", 0;
    Bool = 9, "bool", 8;
    Float16 = 10, "float16", 16;
    Double = 11, "double", 64;
    Uint32 = 12, "uint32", 32;
    Uint64 = 13, "uint64", 64;
    Complex64 = 14, "complex64", 64;
    Complex128 = 15, "complex128", 128;
    Bfloat16 = 16, "bfloat16", 16;
    Float8E4M3Fn = 17, "float8e4m3fn", 8;
    Float8E4M3Fnuz = 18, "float8e4m3fnuz", 8;
    Float8E5M2 = 19, "float8e5m2", 8;
    Float8E5M2Fnuz = 20, "float8e5m2fnuz", 8;
    Uint4 = 21, "uint4", 4;
    Int4 = 22, "int4", 4;
    Float4E2M1 = 23, "float4e2m1", 4;
    Float8E8M0 = 24, "float8e8m0", 8;
    Uint2 = 25, "uint2", 2;
    Int2 = 26, "int2", 2;
    Float6E2M3 = 27, "float6e2m3", 6;
    Float6E3M2 = 28, "float6e3m2", 6;
}

impl DataType {
    /// The type with this number in `TensorProto.DataType`.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    /// The type of this name in ONNX's textual syntax.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.name() == name)
    }

    /// The number in `TensorProto.DataType`.
    pub fn code(self) -> i32 {
        self as i32
    }

    /// Floating point of 16, 32 or 64 bits.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float | Self::Double | Self::Float16 | Self::Bfloat16)
    }

    /// Whether elements count as parameters of a model: floats, and the codes that stand for them.
    pub fn holds_parameters(self) -> bool {
        self.is_float() || self.bits() <= 8 && self != Self::Bool
    }

    /// Integers of 8 to 64 bits.
    pub fn is_integer(self) -> bool {
        self.is_signed_integer() || matches!(self, Self::Uint8 | Self::Uint16 | Self::Uint32 | Self::Uint64)
    }

    /// Signed integers of 8 to 64 bits.
    pub fn is_signed_integer(self) -> bool {
        matches!(self, Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64)
    }

    /// Bytes that `elements` take in `raw_data` (sub-byte types are packed); `None` on overflow.
    pub fn bytes_for(self, elements: u64) -> Option<u64> {
        Some(elements.checked_mul(self.bits())?.div_ceil(8))
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_positions() {
        assert!(DataType::ALL.iter().all(|&t| DataType::from_code(t.code()) == Some(t) && DataType::from_name(t.name()) == Some(t)));
        assert_eq!(DataType::from_code(-1), None);
    }
}
