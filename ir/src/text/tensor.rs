//! Tensors: a type with lengths, and the elements or a digest of them.
//!
//! Elements of the 16-bit floats are decimals with a point or an exponent; whole numbers are their bits, as in ONNX's syntax. So are all numbers of the
//! narrower floats. A complex number is a pair, a bool is 0 or 1.

use super::{
    lex::{Number, Parsed, Parser, is_digest},
    note, spell, types,
};
use crate::{
    dtype::DataType,
    tensor::{Sparse, Tensor, TensorData, fits, pack},
    value::{Length, TensorType, TypeKind, ValueType},
};
use bytes::Bytes;
use half::{bf16, f16};
use std::sync::Arc;

/// How tensors are to be written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// Up to this many elements are spelled out.
    pub(super) inline: usize,
    /// Whether notes are written.
    pub(super) notes: bool,
}

/// Elements are spelled out up to this many bytes in all: longer rows of digits tell no one anything.
const INLINE_BYTES: usize = 64;

/// Writes an initializer: type, name, and content if any is known.
pub(super) fn write_initializer(out: &mut String, name: &str, tensor: &Tensor, style: Style) {
    write_head(out, Some(name), tensor, style);
    if has_content(tensor) {
        out.push_str(" = ");
        write_content(out, tensor, style);
    }
}

/// Writes a tensor that is no initializer.
pub(super) fn write(out: &mut String, tensor: &Tensor, style: Style) {
    write_head(out, tensor.name.as_deref().filter(|n| !n.is_empty()), tensor, style);
    if has_content(tensor) {
        out.push(' ');
        write_content(out, tensor, style);
    }
}

/// Whether anything is known of the elements.
pub(super) fn has_content(tensor: &Tensor) -> bool {
    !matches!(&tensor.data, TensorData::Elided(digest) if !is_digest(digest))
}

fn write_head(out: &mut String, name: Option<&str>, tensor: &Tensor, style: Style) {
    let sparse = matches!(tensor.data, TensorData::Sparse(_));
    out.push_str(if sparse { "sparse_tensor(" } else { "" });
    types::write_concrete(out, tensor.dtype, &tensor.dims);
    out.push_str(if sparse { ")" } else { "" });
    if let Some(name) = name {
        out.push(' ');
        spell::name(out, name);
    }
    if style.notes {
        note::write(out, tensor.doc.as_deref(), &tensor.metadata, &[]);
    }
}

fn write_content(out: &mut String, tensor: &Tensor, style: Style) {
    if let TensorData::Sparse(sparse) = &tensor.data {
        out.push('{');
        write(out, &sparse.values, style);
        if let Some(indices) = &sparse.indices {
            out.push_str(", ");
            write(out, indices, style);
        }
        return out.push('}');
    }
    if let Some(elements) = elements(tensor, style.inline) {
        out.push('{');
        out.push_str(&elements);
        out.push('}');
    } else {
        out.push('#');
        out.push_str(&tensor.digest());
    }
}

/// The elements, if they are few and short, and as many as the shape says.
pub(super) fn elements(tensor: &Tensor, inline: usize) -> Option<String> {
    let count = Some(tensor.len()).filter(|n| *n <= inline)?;
    let spelled: Vec<String> = if let TensorData::Strings(all) = &tensor.data {
        if all.len() != count || tensor.byte_len() > INLINE_BYTES as u64 {
            return None;
        }
        all.iter().map(|s| spell::to_string(s)).collect()
    } else {
        let bytes = tensor.to_bytes().filter(|_| tensor.dtype != DataType::Undefined)?;
        if tensor.dtype.bytes_for(count as u64) != Some(bytes.len() as u64) {
            return None;
        }
        let (part, parts) = parts(tensor.dtype);
        (0..count * parts).map(|k| spell_bits(part, bits_at(&bytes, part.bits(), k))).collect()
    };
    Some(spelled.join(", ")).filter(|s| s.len() <= INLINE_BYTES)
}

/// The numbers that make up an element.
fn parts(dtype: DataType) -> (DataType, usize) {
    match dtype {
        DataType::Complex64 => (DataType::Float, 2),
        DataType::Complex128 => (DataType::Double, 2),
        other => (other, 1),
    }
}

/// Element `k` of packed elements of so many bits, lowest bits first.
fn bits_at(bytes: &[u8], width: u64, k: usize) -> u64 {
    let bit = |i: u64| u64::from(bytes[(i / 8) as usize] >> (i % 8) & 1);
    let start = k as u64 * width;
    (0..width).fold(0, |bits, i| bits | bit(start + i) << i)
}

fn is_signed(dtype: DataType) -> bool {
    dtype.is_signed_integer() || matches!(dtype, DataType::Int4 | DataType::Int2)
}

fn spell_bits(dtype: DataType, bits: u64) -> String {
    match dtype {
        DataType::Float => spell::float(f32::from_bits(bits as u32)),
        DataType::Double => spell::double(f64::from_bits(bits)),
        DataType::Float16 => {
            let x = f16::from_bits(bits as u16);
            spell::narrow(x.to_f64(), |d| f16::from_f64(d) == x)
        }
        DataType::Bfloat16 => {
            let x = bf16::from_bits(bits as u16);
            spell::narrow(x.to_f64(), |d| bf16::from_f64(d) == x)
        }
        t if is_signed(t) => {
            let unused = 64 - t.bits();
            ((bits << unused) as i64 >> unused).to_string()
        }
        _ => bits.to_string(),
    }
}

/// The bits of a number in an element type; `None` where the type has no such number.
fn bits_of(dtype: DataType, number: Number<'_>) -> Option<u64> {
    let finite = |x: f64| x.is_finite() || number.is_word();
    match dtype {
        DataType::Float => number.to_f32().map(|x| u64::from(x.to_bits())),
        DataType::Double => number.to_f64().map(f64::to_bits),
        DataType::Float16 if !number.whole => {
            number.to_f64().map(f16::from_f64).filter(|x| finite(x.to_f64())).map(|x| u64::from(x.to_bits()))
        }
        DataType::Bfloat16 if !number.whole => {
            number.to_f64().map(bf16::from_f64).filter(|x| finite(x.to_f64())).map(|x| u64::from(x.to_bits()))
        }
        DataType::String | DataType::Undefined => None,
        t if is_signed(t) => {
            let (x, unused) = (number.text.parse::<i64>().ok()?, 64 - t.bits());
            ((x << unused) >> unused == x).then_some((x << unused) as u64 >> unused)
        }
        t => number.text.parse::<u64>().ok().filter(|x| t.bits() == 64 || x >> t.bits() == 0),
    }
}

/// A tensor of a type, if the type has an element type and all its lengths; without content.
pub(super) fn of_type(ty: &ValueType) -> Option<Tensor> {
    let (TypeKind::Tensor(TensorType { dtype, shape }) | TypeKind::SparseTensor(TensorType { dtype, shape })) = &ty.kind else {
        return None;
    };
    let length = |n: i64| u64::try_from(n).ok();
    let known = |l: &Length| if let Length::Number(n) = l { length(*n) } else { None };
    let dims: Vec<u64> = shape.as_ref()?.iter().map(|d| known(&d.length)).collect::<Option<_>>()?;
    fits(&dims).then_some(Tensor { data: TensorData::Elided(String::new()), ..Tensor::raw((*dtype)?, dims, Bytes::new()) })
}

/// A tensor of numbers, as many as its shape asks for; the place of the first that its type does not have.
pub(super) fn of_numbers(dtype: DataType, dims: Vec<u64>, numbers: &[Number<'_>]) -> Result<Tensor, usize> {
    let bits: Vec<u64> = numbers.iter().map(|n| bits_of(dtype, *n).ok_or(n.at)).collect::<Result<_, _>>()?;
    Ok(Tensor::raw(dtype, dims, pack(&bits, dtype.bits())))
}

impl Parser<'_> {
    /// Takes the content of a tensor of this type; `at` is where the type stands.
    pub(super) fn tensor(&mut self, ty: &ValueType, at: usize) -> Parsed<Tensor> {
        let tensor = self.optional_content(ty, at)?;
        tensor.ok_or_else(|| self.expected("the elements in `{ }`, or `#` and the digest"))
    }

    fn optional_content(&mut self, ty: &ValueType, at: usize) -> Parsed<Option<Tensor>> {
        let tensor =
            of_type(ty).ok_or_else(|| self.expected_at(at, "a tensor type with numbers for lengths, no larger than memory can be"))?;
        let data = if matches!(ty.kind, TypeKind::SparseTensor(_)) {
            if !self.take("{") {
                return Ok(None);
            }
            self.sparse(&tensor)?
        } else if let Some(digest) = self.digest() {
            TensorData::Elided(digest.into())
        } else if self.take("[") {
            // Content in another file: the syntax has it, but a text opens no files.
            self.list("]", |p| p.text().and_then(|_| p.expect(":")).and_then(|()| p.text()).map(drop))?;
            TensorData::Elided(String::new())
        } else if self.take("{") {
            self.elements(&tensor)?
        } else {
            return Ok(None);
        };
        Ok(Some(Tensor { data, ..tensor }))
    }

    /// Takes what follows the type of a tensor that is no initializer: a name, a note, and the content, which is unknown if it is not there.
    pub(super) fn tensor_behind(&mut self, ty: &ValueType, at: usize) -> Parsed<Tensor> {
        let name = self.optional_name()?;
        let note = self.note()?;
        self.take("=");
        let tensor = match self.optional_content(ty, at)? {
            Some(tensor) => tensor,
            None => of_type(ty).filter(|_| matches!(ty.kind, TypeKind::Tensor(_))).ok_or_else(|| self.expected("content"))?,
        };
        Ok(Tensor { name, doc: note.doc, metadata: note.metadata, ..tensor })
    }

    fn sparse(&mut self, tensor: &Tensor) -> Parsed<TensorData> {
        let at = self.place();
        let mut inner = Vec::new();
        self.list("}", |p| {
            let (at, ty) = (p.place(), p.ty()?);
            if !matches!(ty.kind, TypeKind::Tensor(_)) {
                return Err(p.expected_at(at, "a dense tensor"));
            }
            inner.push(p.tensor_behind(&ty, at)?);
            Ok(())
        })?;
        let mut inner = inner.into_iter();
        match (inner.next(), inner.next(), inner.next()) {
            (Some(values), indices, None) if values.dtype == tensor.dtype => Ok(TensorData::Sparse(Box::new(Sparse { values, indices }))),
            _ => Err(self.expected_at(at, format_args!("the values, of type {}, and the indices", tensor.dtype))),
        }
    }

    /// Whether a type is next, and content behind it.
    pub(super) fn tensor_is_next(&mut self) -> bool {
        self.next_is_type() && self.look(|p| !p.word().is_empty() && ["#", "[", "{"].iter().any(|mark| p.next_is(mark)))
    }

    fn elements(&mut self, tensor: &Tensor) -> Parsed<TensorData> {
        let (part, parts) = parts(tensor.dtype);
        let count = tensor.len() * parts;
        let start = self.place();
        let (mut numbers, mut strings) = (Vec::new(), Vec::new());
        self.list("}", |p| {
            if numbers.len() + strings.len() == count {
                return Err(p.expected(format_args!("`}}`, for there are {count} numbers already")));
            }
            if part == DataType::String {
                strings.push(Bytes::from(p.string()?));
            } else {
                let number = p.number()?;
                numbers.push(bits_of(part, number).ok_or_else(|| p.expected_at(number.at, format_args!("a number of type {part}")))?);
            }
            Ok(())
        })?;
        let found = numbers.len() + strings.len();
        if found != count {
            return Err(self.expected_at(start, format_args!("{count} elements, not {found}")));
        }
        Ok(if part == DataType::String {
            TensorData::Strings(Arc::new(strings))
        } else {
            TensorData::Raw(pack(&numbers, part.bits()).into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Parsed<Tensor> {
        let mut p = Parser::new(text);
        let ty = p.ty()?;
        p.tensor_behind(&ty, 0)
    }

    const STYLE: Style = Style { inline: 8, notes: true };

    #[test]
    fn tensors_survive() {
        for text in [
            "float {-0.0}",
            "float[2,2] name {1.0, inf, -inf, nan}",
            "float[0] {}",
            "float[3,0,5] {}",
            "double[2] {0.1, 1e300}",
            "float16[3] {0.1, 6.104e-5, 65500.0}",
            "bfloat16[2] {0.1, -inf}",
            "int8[2] {-128, 127}",
            "uint64[1] {18446744073709551615}",
            "int64[1] {-9223372036854775808}",
            "int4[3] {-8, 7, 0}",
            "uint2[5] {0, 1, 2, 3, 1}",
            "float6e2m3[3] {63, 1, 32}",
            "float8e5m2[1] {255}",
            "bool[2] {0, 1}",
            "complex64[1] {1.5, -2.0}",
            "string[2] {\"a\", \"\\xff\\n\"}",
            "float[64,3,7,7] #1f2e3d4c",
            "float[64,3,7,7]",
            "sparse_tensor(float[3,3]) {float[2] {1.0, 2.0}, int64[2] {0, 4}}",
            "sparse_tensor(float[3,3]) {float[100] #1f2e3d4c}",
            "float[1] x !{doc_string: \"d\", metadata_props: [\"k\": \"v\"]} {1.0}",
        ] {
            let mut out = String::new();
            write(&mut out, &read(text).unwrap(), STYLE);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn whole_numbers_are_the_bits_of_narrow_floats() {
        assert_eq!(read("float16[1] {15360}").unwrap().to_f64(), Some(vec![1.0]));
        assert_eq!(read("float16[1] {1.0}").unwrap().to_f64(), Some(vec![1.0]));
        assert_eq!(read("float[1] {1}").unwrap().to_f64(), Some(vec![1.0]));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in [
            "int8[1] {128}",
            "uint8[1] {-1}",
            "int4[1] {8}",
            "int32[1] {1.0}",
            "float[2] {1}",
            "float[1] {1, 2}",
            "float[N] {1}",
            "float[] {1}",
            "float[-1] {1}",
            "float16[1] {1e6}",
            "float[1] {1e39}",
            "string[1] {1}",
            "float[1] {\"a\"}",
            "float[4294967296,4294967296] #1f2e3d4c",
            "undefined[1] {1}",
            "seq(float) {1}",
            "sparse_tensor(float[2]) {int64[1] {1}}",
            "sparse_tensor(float[2]) {}",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn many_elements_are_a_digest() {
        let mut out = String::new();
        write_initializer(&mut out, "w", &Tensor::from_f32([9], &[0.0; 9]), STYLE);
        assert_eq!(out, format!("float[9] w = #{}", Tensor::from_f32([9], &[0.0; 9]).digest()));
        let mut short = Tensor::from_f32([2], &[0.0; 2]);
        short.dims = vec![3];
        out.clear();
        write(&mut out, &short, STYLE);
        assert!(out.starts_with("float[3] #"));
    }
}
