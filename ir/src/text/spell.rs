//! How names, strings and numbers are spelled.

use crate::dtype::DataType;
use std::fmt::Write;

/// Words that begin a type other than that of a tensor.
pub(super) const TYPE_WORDS: [&str; 5] = ["seq", "map", "optional", "sparse_tensor", "opaque"];

/// Whether a word begins a type.
pub(super) fn is_type_word(word: &str) -> bool {
    DataType::from_name(word).is_some() || TYPE_WORDS.contains(&word)
}

/// Whether a word is a number: infinity, or not a number.
pub(super) fn is_float_word(word: &str) -> bool {
    ["inf", "infinity", "nan"].iter().any(|w| word.eq_ignore_ascii_case(w))
}

/// Whether a name needs no quotes.
fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !is_type_word(name)
        && !is_float_word(name)
}

/// Writes a name, in quotes where it is no plain identifier.
pub(super) fn name(out: &mut String, name: &str) {
    if is_plain(name) { out.push_str(name) } else { string(out, name.as_bytes()) }
}

/// Writes a domain: identifiers with dots between them, else in quotes.
pub(super) fn domain(out: &mut String, domain: &str) {
    if domain.split('.').all(is_plain) { out.push_str(domain) } else { string(out, domain.as_bytes()) }
}

/// Writes a string in quotes, on one line. Bytes that are not UTF-8, and characters that would disturb a terminal, become `\xNN`.
pub(super) fn string(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c.is_control() || turns_the_line(c) => escape(out, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => out.push(c),
            }
        }
        escape(out, chunk.invalid());
    }
    out.push('"');
}

/// A string in quotes.
pub(super) fn to_string(bytes: &[u8]) -> String {
    let mut out = String::new();
    string(&mut out, bytes);
    out
}

/// Line separators and marks of writing direction: they can make a text look like another one.
fn turns_the_line(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

fn escape(out: &mut String, bytes: &[u8]) {
    for b in bytes {
        let _ = write!(out, "\\x{b:02x}");
    }
}

/// The shortest decimal that reads back as this float, always with a point or an exponent.
pub(super) fn float(x: f32) -> String {
    if x.is_nan() { nan(x.is_sign_negative()) } else { format!("{x:?}") }
}

/// The shortest decimal that reads back as this double, always with a point or an exponent.
pub(super) fn double(x: f64) -> String {
    if x.is_nan() { nan(x.is_sign_negative()) } else { format!("{x:?}") }
}

/// The shortest decimal for a number of a type narrower than double: `same` tells whether a decimal reads back as it.
pub(super) fn narrow(x: f64, same: impl Fn(f64) -> bool) -> String {
    let rounded = |digits: usize| format!("{x:.digits$e}").parse().unwrap_or(x);
    double((0..12).map(rounded).find(|d| same(*d)).unwrap_or(x))
}

fn nan(negative: bool) -> String {
    if negative { "-nan" } else { "nan" }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (plain, text) in [("x_1", "x_1"), ("/conv/W", "\"/conv/W\""), ("1x", "\"1x\""), ("float", "\"float\""), ("NaN", "\"NaN\"")] {
            let mut out = String::new();
            name(&mut out, plain);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn strings_stay_on_their_line() {
        assert_eq!(to_string(b"a\"\\\n\xff\xc3\xa9\x1b"), "\"a\\\"\\\\\\n\\xffé\\x1b\"");
        assert_eq!(to_string("\u{202e}".as_bytes()), "\"\\xe2\\x80\\xae\"");
    }

    #[test]
    fn floats_are_short_and_look_like_floats() {
        assert_eq!([0.1, 1.0, -0.0, 1e-7, 3.4e38, f32::NEG_INFINITY].map(float), ["0.1", "1.0", "-0.0", "1e-7", "3.4e38", "-inf"]);
        let half = half::f16::from_f32(0.1);
        assert_eq!(narrow(half.to_f64(), |d| half::f16::from_f64(d) == half), "0.1");
    }
}
