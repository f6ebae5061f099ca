//! Walks a serialized `ModelProto` without decoding it: lengths, wire types, nesting, UTF-8 and field numbers are checked against the table that
//! `build.rs` derives from `onnx.proto`. Costs a few bytes read per field; payloads are skipped, not read.

/// How deep messages may nest: the limit of prost and of protobuf's own parsers.
pub const MAX_DEPTH: usize = 100;

pub(crate) struct Message {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Varint,
    Fixed32,
    Fixed64,
    Text,
    Bytes,
    Message(usize),
}

include!(concat!(env!("OUT_DIR"), "/fields.rs"));

/// What is wrong with the bytes, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The broken place, as `graph.node[214].attribute[0]`.
    pub path: String,
    /// Offset of the broken field from the start of the file, in bytes.
    pub offset: usize,
    /// The kind of damage.
    pub problem: Problem,
}

/// A kind of damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A length reaches `missing` bytes past the end of the file or of the message around it.
    Truncated {
        /// Bytes that should follow and do not.
        missing: u64,
    },
    /// A field number that this version of ONNX does not define.
    UnknownField {
        /// The message that holds the field.
        message: &'static str,
        /// The field number.
        number: u32,
    },
    /// Bytes that are no protobuf at all (a bad tag, wire type, varint or text).
    Malformed(&'static str),
    /// More than [`MAX_DEPTH`] messages in each other.
    TooDeep,
}

struct Scanner<'a> {
    bytes: &'a [u8],
    path: Vec<(&'static str, usize)>,
}

/// Checks `bytes` as a serialized `ModelProto`. The first fault found is returned.
pub fn check(bytes: &[u8]) -> Result<(), Fault> {
    let mut scanner = Scanner { bytes, path: Vec::new() };
    scanner.message(MODEL, 0, bytes.len())
}

impl Scanner<'_> {
    fn fault(&self, offset: usize, problem: Problem) -> Fault {
        let path = self.path.iter().map(|(name, k)| format!("{name}[{k}]")).collect::<Vec<_>>().join(".");
        Fault { path: if path.is_empty() { "the model".into() } else { path }, offset, problem }
    }

    fn varint(&self, at: &mut usize, end: usize) -> Result<u64, Fault> {
        let start = *at;
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            if *at >= end {
                return Err(self.fault(start, Problem::Truncated { missing: 1 }));
            }
            let byte = self.bytes[*at];
            *at += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.fault(start, Problem::Malformed("a number of more than 64 bits")))
    }

    fn message(&mut self, kind: usize, mut at: usize, end: usize) -> Result<(), Fault> {
        if self.path.len() > MAX_DEPTH {
            return Err(self.fault(at, Problem::TooDeep));
        }
        let message = &MESSAGES[kind];
        let mut seen: [usize; 32] = [0; 32];
        while at < end {
            let start = at;
            let tag = self.varint(&mut at, end)?;
            let (number, wire) = (u32::try_from(tag >> 3).unwrap_or(0), tag & 7);
            if number == 0 || wire == 3 || wire == 4 || wire > 5 {
                return Err(self.fault(start, Problem::Malformed("a byte that starts no field")));
            }
            let Ok(slot) = message.fields.binary_search_by_key(&number, |f| f.number) else {
                return Err(self.fault(start, Problem::UnknownField { message: message.name, number }));
            };
            let field = &message.fields[slot];
            self.path.push((field.name, seen[slot]));
            seen[slot] += 1;
            self.field(field.kind, wire, start, &mut at, end)?;
            self.path.pop();
        }
        Ok(())
    }

    fn field(&mut self, kind: Kind, wire: u64, start: usize, at: &mut usize, end: usize) -> Result<(), Fault> {
        let wrong = Problem::Malformed("a field with the wrong wire type");
        match (wire, kind) {
            (0, Kind::Varint) => {
                self.varint(at, end)?;
            }
            (1, Kind::Fixed64) => self.skip(8, start, at, end)?,
            (5, Kind::Fixed32) => self.skip(4, start, at, end)?,
            (2, _) => {
                let length = self.varint(at, end)?;
                let from = *at;
                if let (Kind::Message(child), true) = (kind, length > (end - from) as u64) {
                    return Err(self.truncated(child, from, end, start, length));
                }
                self.skip(length, start, at, end)?;
                match kind {
                    Kind::Message(child) => self.message(child, from, *at)?,
                    Kind::Text if std::str::from_utf8(&self.bytes[from..*at]).is_err() => {
                        return Err(self.fault(start, Problem::Malformed("a name or text that is not UTF-8")));
                    }
                    Kind::Fixed32 if !length.is_multiple_of(4) => return Err(self.fault(start, wrong)),
                    Kind::Fixed64 if !length.is_multiple_of(8) => return Err(self.fault(start, wrong)),
                    Kind::Varint | Kind::Fixed32 | Kind::Fixed64 | Kind::Text | Kind::Bytes => {}
                }
            }
            _ => return Err(self.fault(start, wrong)),
        }
        Ok(())
    }

    /// A message that reaches past the end: the innermost place that does tells most.
    fn truncated(&mut self, kind: usize, from: usize, end: usize, start: usize, length: u64) -> Fault {
        let missing = length - (end - from) as u64;
        let outer = self.fault(start, Problem::Truncated { missing });
        match self.message(kind, from, end) {
            Err(Fault { path, offset, problem: Problem::Truncated { .. } }) => Fault { path, offset, ..outer },
            _ => outer,
        }
    }

    fn skip(&self, length: u64, start: usize, at: &mut usize, end: usize) -> Result<(), Fault> {
        let left = (end - *at) as u64;
        if length > left {
            return Err(self.fault(start, Problem::Truncated { missing: length - left }));
        }
        *at += length as usize;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Message as _,
        onnx::{GraphProto, ModelProto, NodeProto},
    };

    fn model() -> Vec<u8> {
        let node = NodeProto { op_type: Some("Relu".into()), ..Default::default() };
        let graph = GraphProto { node: vec![node.clone(), node], ..Default::default() };
        ModelProto { graph: Some(graph), ..Default::default() }.encode_to_vec()
    }

    #[test]
    fn accepts_what_prost_writes() {
        assert_eq!(check(&model()), Ok(()));
    }

    #[test]
    fn names_the_node_that_a_cut_breaks() {
        let bytes = model();
        let mut cut = bytes[..bytes.len() - 3].to_vec();
        assert_eq!(
            check(&cut).unwrap_err(),
            Fault { path: "graph[0].node[1].op_type[0]".into(), offset: 12, problem: Problem::Truncated { missing: 3 } }
        );
        cut[1] -= 3;
        let fault = check(&cut).unwrap_err();
        assert_eq!((fault.path.as_str(), fault.problem), ("graph[0].node[1].op_type[0]", Problem::Truncated { missing: 3 }));
    }

    #[test]
    fn names_an_unknown_field() {
        let mut bytes = model();
        bytes.extend([0xba, 0x3e, 1, 0]); // field 999
        assert_eq!(check(&bytes).unwrap_err().problem, Problem::UnknownField { message: "ModelProto", number: 999 });
    }

    #[test]
    fn refuses_a_bottomless_nest() {
        let mut bytes = Vec::new();
        for _ in 0..60 {
            // GraphProto.node.attribute.g, from the inside out
            for field in [6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2u8] {
                let mut outer = vec![field];
                prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
                outer.append(&mut bytes);
                bytes = outer;
            }
        }
        let mut model = vec![7 << 3 | 2];
        prost::encoding::encode_varint(bytes.len() as u64, &mut model);
        model.append(&mut bytes);
        assert_eq!(check(&model).unwrap_err().problem, Problem::TooDeep);
    }
}
