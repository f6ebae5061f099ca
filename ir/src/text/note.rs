//! Notes: what a model carries that ONNX's syntax has no place for, `!{doc_string: "..", metadata_props: ["k": "v"]}`.
//!
//! A note stands behind the name of what it belongs to; that of a node behind the node, that of a graph before its nodes. Missing and empty keys and values
//! are the same.

use super::{
    lex::{Parsed, Parser},
    spell,
};
use crate::value::Metadata;

/// What a note can say.
#[derive(Debug, Default)]
pub(super) struct Note {
    pub(super) doc: Option<String>,
    pub(super) metadata: Metadata,
    /// Of graphs only.
    pub(super) quantization: Vec<(Option<String>, Metadata)>,
}

/// Writes a note, if there is anything to be noted.
pub(super) fn write(out: &mut String, doc: Option<&str>, metadata: &Metadata, quantization: &[(Option<String>, Metadata)]) {
    let mut fields = Vec::new();
    if let Some(doc) = doc.filter(|d| !d.is_empty()) {
        let mut field = "doc_string: ".to_string();
        spell::string(&mut field, doc.as_bytes());
        fields.push(field);
    }
    if !metadata.is_empty() {
        let mut field = "metadata_props: ".to_string();
        write_metadata(&mut field, metadata);
        fields.push(field);
    }
    if !quantization.is_empty() {
        let mut field = "quantization_annotation: ".to_string();
        write_pairs(&mut field, quantization, |out, (name, parameters)| {
            spell::string(out, name.as_deref().unwrap_or("").as_bytes());
            out.push_str(": ");
            write_metadata(out, parameters);
        });
        fields.push(field);
    }
    if !fields.is_empty() {
        out.push_str(" !{");
        out.push_str(&fields.join(", "));
        out.push('}');
    }
}

/// Writes a list of keys and values.
pub(super) fn write_metadata(out: &mut String, metadata: &Metadata) {
    write_pairs(out, metadata, |out, (key, value)| {
        spell::string(out, key.as_deref().unwrap_or("").as_bytes());
        out.push_str(": ");
        spell::string(out, value.as_deref().unwrap_or("").as_bytes());
    });
}

fn write_pairs<T>(out: &mut String, pairs: &[T], mut one: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (k, pair) in pairs.iter().enumerate() {
        if k > 0 {
            out.push_str(", ");
        }
        one(out, pair);
    }
    out.push(']');
}

impl Parser<'_> {
    /// Takes a note, if one is next, of something that is no graph.
    pub(super) fn note(&mut self) -> Parsed<Note> {
        let at = self.place();
        let note = self.graph_note()?;
        if note.quantization.is_empty() { Ok(note) } else { Err(self.expected_at(at, "quantization_annotation at graphs only")) }
    }

    /// Takes the note of a graph, if one is next.
    pub(super) fn graph_note(&mut self) -> Parsed<Note> {
        let mut note = Note::default();
        if !self.take("!{") {
            return Ok(note);
        }
        self.list("}", |p| {
            let at = p.place();
            let key = p.word();
            p.expect(":")?;
            match key {
                "doc_string" => note.doc = Some(p.text()?),
                "metadata_props" => note.metadata = p.metadata()?,
                "quantization_annotation" => {
                    p.expect("[")?;
                    p.list("]", |p| {
                        let name = p.text()?;
                        p.expect(":")?;
                        note.quantization.push((Some(name), p.metadata()?));
                        Ok(())
                    })?;
                }
                _ => return Err(p.expected_at(at, "doc_string, metadata_props or quantization_annotation")),
            }
            Ok(())
        })?;
        Ok(note)
    }

    /// Takes a list of keys and values.
    pub(super) fn metadata(&mut self) -> Parsed<Metadata> {
        let mut all = Metadata::new();
        self.expect("[")?;
        self.list("]", |p| {
            let key = p.text()?;
            p.expect(":")?;
            all.push((Some(key), Some(p.text()?)));
            Ok(())
        })?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_survive() {
        let text = " !{doc_string: \"a\\nb\", metadata_props: [\"k\": \"\", \"k\": \"v\"], quantization_annotation: [\"x\": [\"SCALE\": \"s\"], \"y\": []]}";
        let note = Parser::new(text).graph_note().unwrap();
        let mut out = String::new();
        write(&mut out, note.doc.as_deref(), &note.metadata, &note.quantization);
        assert_eq!(out, text);
        assert!(Parser::new(text).note().is_err());
        assert!(Parser::new("!{author: \"me\"}").note().is_err());
        assert!(Parser::new("x").note().unwrap().doc.is_none());
    }
}
