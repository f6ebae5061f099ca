//! Types: `float[N,3] seq(int64) map(string, float[]) optional(..) sparse_tensor(..) opaque(..)`.
//!
//! As in ONNX's syntax, `float` is a scalar and `float[]` a tensor of which not even the rank is known. Ours are `?` (a type that says nothing),
//! `undefined` (no element type) and denotations, `float[N!"DATA_BATCH"]!"IMAGE"`.

use super::{
    lex::{Parsed, Parser},
    spell,
};
use crate::{
    dtype::DataType,
    value::{DeclaredDim, Length, TensorType, TypeKind, ValueType},
};
use std::fmt::{self, Write};

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        write(&mut out, self, false);
        f.write_str(&out)
    }
}

/// Writes a type.
pub(super) fn write(out: &mut String, ty: &ValueType, notes: bool) {
    match &ty.kind {
        TypeKind::Absent => out.push('?'),
        TypeKind::Tensor(tensor) => write_tensor(out, tensor, notes),
        TypeKind::SparseTensor(tensor) => {
            out.push_str("sparse_tensor(");
            write_tensor(out, tensor, notes);
            out.push(')');
        }
        TypeKind::Sequence(element) => write_wrapped(out, "seq", element.as_deref(), notes),
        TypeKind::Optional(element) => write_wrapped(out, "optional", element.as_deref(), notes),
        TypeKind::Map { key, value } => {
            out.push_str("map(");
            out.push_str(key.unwrap_or(DataType::Undefined).name());
            if let Some(value) = value {
                out.push_str(", ");
                write(out, value, notes);
            }
            out.push(')');
        }
        TypeKind::Opaque { domain, name } => {
            out.push_str("opaque(");
            let name = name.as_deref().unwrap_or("");
            match domain.as_deref().filter(|d| !d.is_empty()) {
                Some(domain) => {
                    spell::domain(out, domain);
                    out.push_str(", ");
                    spell::name(out, name);
                }
                None if !name.is_empty() => spell::domain(out, name),
                None => {}
            }
            out.push(')');
        }
    }
    denotation(out, ty.denotation.as_deref(), notes);
}

/// Writes the type of a tensor with these lengths.
pub(super) fn write_concrete(out: &mut String, dtype: DataType, dims: &[u64]) {
    out.push_str(dtype.name());
    if !dims.is_empty() {
        let dims: Vec<String> = dims.iter().map(u64::to_string).collect();
        let _ = write!(out, "[{}]", dims.join(","));
    }
}

fn write_tensor(out: &mut String, ty: &TensorType, notes: bool) {
    out.push_str(ty.dtype.unwrap_or(DataType::Undefined).name());
    let Some(shape) = &ty.shape else {
        return out.push_str("[]");
    };
    for (k, dim) in shape.iter().enumerate() {
        out.push(if k == 0 { '[' } else { ',' });
        match &dim.length {
            Length::Unset => out.push('?'),
            Length::Number(n) => out.push_str(&n.to_string()),
            Length::Name(name) => spell::name(out, name),
        }
        denotation(out, dim.denotation.as_deref(), notes);
    }
    if !shape.is_empty() {
        out.push(']');
    }
}

fn write_wrapped(out: &mut String, word: &str, element: Option<&ValueType>, notes: bool) {
    out.push_str(word);
    out.push('(');
    if let Some(element) = element {
        write(out, element, notes);
    }
    out.push(')');
}

fn denotation(out: &mut String, denotation: Option<&str>, notes: bool) {
    if let Some(denotation) = denotation.filter(|_| notes) {
        out.push('!');
        spell::string(out, denotation.as_bytes());
    }
}

impl Parser<'_> {
    pub(super) fn next_is_type(&mut self) -> bool {
        self.next_is("?") || spell::is_type_word(self.peek_word())
    }

    /// Takes a type, if one is next.
    pub(super) fn optional_type(&mut self) -> Parsed<Option<ValueType>> {
        if self.next_is_type() { self.ty().map(Some) } else { Ok(None) }
    }

    pub(super) fn ty(&mut self) -> Parsed<ValueType> {
        let kind = self.nested(Self::kind)?;
        Ok(ValueType { kind, denotation: self.denotation()? })
    }

    fn kind(&mut self) -> Parsed<TypeKind> {
        if self.take("?") {
            return Ok(TypeKind::Absent);
        }
        let word = self.peek_word();
        if DataType::from_name(word).is_some() {
            return Ok(TypeKind::Tensor(self.tensor_type()?));
        }
        if !spell::is_type_word(word) {
            return Err(self.expected("a type"));
        }
        self.word();
        self.expect("(")?;
        let kind = match word {
            "seq" => TypeKind::Sequence(self.optional_type()?.map(Box::new)),
            "optional" => TypeKind::Optional(self.optional_type()?.map(Box::new)),
            "sparse_tensor" => TypeKind::SparseTensor(self.tensor_type()?),
            "map" => {
                let key = Some(self.data_type()?);
                let value = if self.take(",") { Some(Box::new(self.ty()?)) } else { None };
                TypeKind::Map { key, value }
            }
            _ => self.opaque()?,
        };
        self.expect(")")?;
        Ok(kind)
    }

    fn opaque(&mut self) -> Parsed<TypeKind> {
        if self.next_is(")") {
            return Ok(TypeKind::Opaque { domain: None, name: None });
        }
        let mut first = self.name("the name of an opaque type")?;
        while self.take(".") {
            first = first + "." + &self.name("the name of an opaque type")?;
        }
        if !self.take(",") {
            return Ok(TypeKind::Opaque { domain: None, name: Some(first) });
        }
        let name = Some(self.name("the name of an opaque type")?);
        Ok(TypeKind::Opaque { domain: Some(first), name })
    }

    fn data_type(&mut self) -> Parsed<DataType> {
        let word = self.peek_word();
        let dtype = DataType::from_name(word).ok_or_else(|| self.expected("an element type"))?;
        self.word();
        Ok(dtype)
    }

    fn tensor_type(&mut self) -> Parsed<TensorType> {
        let dtype = Some(self.data_type()?).filter(|t| *t != DataType::Undefined);
        if !self.take("[") {
            return Ok(TensorType { dtype, shape: Some(Vec::new()) });
        }
        let mut dims = Vec::new();
        self.list("]", |p| {
            dims.push(p.dim()?);
            Ok(())
        })?;
        Ok(TensorType { dtype, shape: Some(dims).filter(|d| !d.is_empty()) })
    }

    fn dim(&mut self) -> Parsed<DeclaredDim> {
        let length = if self.take("?") {
            Length::Unset
        } else {
            match self.optional_name()? {
                Some(name) => Length::Name(name),
                None => Length::Number(self.integer()?),
            }
        };
        Ok(DeclaredDim { length, denotation: self.denotation()? })
    }

    fn denotation(&mut self) -> Parsed<Option<String>> {
        if self.next_is("!\"") && self.take("!") { self.text().map(Some) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_survive() {
        for text in [
            "float",
            "float[]",
            "undefined[2]",
            "float16[N,?,3,-1,\"batch size\",\"?\",\"\"]",
            "seq(float[N])",
            "seq()",
            "optional(seq(map(string, int64[?])))",
            "map(int64)",
            "sparse_tensor(double[2,3])",
            "opaque()",
            "opaque(test.rng.RNG)",
            "opaque(a.b, \"c d\")",
            "?",
            "float[N!\"DATA_BATCH\",?!\"X\"]!\"IMAGE\"",
        ] {
            let ty = Parser::new(text).ty().unwrap();
            let mut out = String::new();
            write(&mut out, &ty, true);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in ["floats", "float[", "float[1.5]", "float[1 2]", "seq(x)", "map(seq(float), float)", "", "float[9223372036854775808]"] {
            assert!(Parser::new(text).ty().is_err(), "{text}");
        }
        assert!(Parser::new(&"seq(".repeat(5000)).ty().unwrap_err().to_string().contains("at most 100 levels"));
    }

    #[test]
    fn denotations_can_be_left_out() {
        assert_eq!(Parser::new("float[N!\"DATA_BATCH\"]!\"IMAGE\"").ty().unwrap().to_string(), "float[N]");
    }
}
