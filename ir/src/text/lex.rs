//! Words, strings and numbers, read one by one from the text.

use super::{fault::TextError, spell};
use std::fmt::Display;

/// How deep bodies and types may nest.
const DEEPEST: usize = 100;

/// A place in a text.
pub(super) struct Parser<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
    made_up: usize,
    free: Option<String>,
}

/// A number as it is spelled.
#[derive(Clone, Copy)]
pub(super) struct Number<'a> {
    pub(super) text: &'a str,
    /// Without point, exponent, or word.
    pub(super) whole: bool,
    pub(super) at: usize,
}

pub(super) type Parsed<T> = Result<T, TextError>;

impl<'a> Parser<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, at: 0, depth: 0, made_up: 0, free: None }
    }

    /// An error at the next token.
    pub(super) fn expected(&self, what: impl Display) -> TextError {
        self.expected_at(self.place(), what)
    }

    pub(super) fn expected_at(&self, at: usize, what: impl Display) -> TextError {
        TextError::syntax(self.source, at, what.to_string())
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.source.as_bytes().get(at).copied()
    }

    /// The end of the bytes from `from` on that belong together.
    fn end_of(&self, from: usize, belongs: impl Fn(u8) -> bool) -> usize {
        from + self.source.as_bytes()[from..].iter().take_while(|b| belongs(**b)).count()
    }

    fn past_blanks(&self, from: usize) -> usize {
        self.end_of(from, |b| b.is_ascii_whitespace() || b == 0x0b)
    }

    /// Where the next token starts, behind blanks and comments.
    pub(super) fn place(&self) -> usize {
        let mut at = self.past_blanks(self.at);
        while self.byte(at) == Some(b'#') && self.digest_at(at).is_none() {
            at = self.past_blanks(self.end_of(at, |b| b != b'\n'));
        }
        at
    }

    /// A digest: `#` and eight hexadecimal digits, with the end of the line or of an item behind them. Any other `#` begins a comment.
    fn digest_at(&self, at: usize) -> Option<&'a str> {
        let digest = self.source.get(at..at + 9)?.strip_prefix('#')?;
        let behind = self.byte(self.end_of(at + 9, |b| b == b' '));
        (is_digest(digest) && matches!(behind, None | Some(b'\r' | b'\n' | b',' | b'>' | b']' | b'}' | b')'))).then_some(digest)
    }

    /// The first byte of the next token.
    pub(super) fn peek(&self) -> Option<u8> {
        self.byte(self.place())
    }

    /// Whether these marks are next, with nothing between them.
    pub(super) fn next_is(&self, marks: &str) -> bool {
        self.source.as_bytes()[self.place()..].starts_with(marks.as_bytes())
    }

    /// Takes these marks, if they are next.
    pub(super) fn take(&mut self, marks: &str) -> bool {
        let there = self.next_is(marks);
        if there {
            self.at = self.place() + marks.len();
        }
        there
    }

    pub(super) fn expect(&mut self, marks: &str) -> Parsed<()> {
        if self.take(marks) { Ok(()) } else { Err(self.expected(format_args!("`{marks}`"))) }
    }

    /// Takes a digest, if one is next.
    pub(super) fn digest(&mut self) -> Option<&'a str> {
        let at = self.place();
        let digest = self.digest_at(at)?;
        self.at = at + 9;
        Some(digest)
    }

    /// The next word, which stays where it is; empty if there is none.
    pub(super) fn peek_word(&self) -> &'a str {
        let from = self.place();
        let starts = self.byte(from).is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        let end = if starts { self.end_of(from, |b| b.is_ascii_alphanumeric() || b == b'_') } else { from };
        &self.source[from..end]
    }

    /// Takes a plain identifier; empty if there is none.
    pub(super) fn word(&mut self) -> &'a str {
        let word = self.peek_word();
        if !word.is_empty() {
            self.at = self.place() + word.len();
        }
        word
    }

    /// Takes a name, plain or in quotes, if there is one.
    pub(super) fn optional_name(&mut self) -> Parsed<Option<String>> {
        if self.next_is("\"") {
            return self.text().map(Some);
        }
        Ok(Some(self.word().to_string()).filter(|word| !word.is_empty()))
    }

    /// Takes a name, plain or in quotes.
    pub(super) fn name(&mut self, what: &str) -> Parsed<String> {
        self.optional_name()?.ok_or_else(|| self.expected(what))
    }

    /// Takes a string that is UTF-8.
    pub(super) fn text(&mut self) -> Parsed<String> {
        let at = self.place();
        String::from_utf8(self.string()?).map_err(|_| self.expected_at(at, "UTF-8"))
    }

    /// Takes a string in quotes. `\n`, `\r`, `\t` and `\xNN` are what they look like; before any other character a backslash only guards it.
    pub(super) fn string(&mut self) -> Parsed<Vec<u8>> {
        let start = self.place();
        self.expect("\"").map_err(|_| self.expected("a string"))?;
        let mut bytes = Vec::new();
        loop {
            match self.string_byte(start)? {
                b'"' => return Ok(bytes),
                b'\\' => bytes.push(match self.string_byte(start)? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'x' => self.hex_byte()?,
                    other => other,
                }),
                other => bytes.push(other),
            }
        }
    }

    fn string_byte(&mut self, start: usize) -> Parsed<u8> {
        let byte = self.byte(self.at).ok_or_else(|| self.expected_at(start, "a string, and the quote that closes it"))?;
        self.at += 1;
        Ok(byte)
    }

    fn hex_byte(&mut self) -> Parsed<u8> {
        let digits = self.source.get(self.at..self.at + 2).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte =
            digits.and_then(|d| u8::from_str_radix(d, 16).ok()).ok_or_else(|| self.expected_at(self.at, "two hexadecimal digits"))?;
        self.at += 2;
        Ok(byte)
    }

    /// Takes a number.
    pub(super) fn number(&mut self) -> Parsed<Number<'a>> {
        let at = self.place();
        let start = at + usize::from(self.byte(at) == Some(b'-'));
        let digits = |from| self.end_of(from, |b| b.is_ascii_digit());
        let mut end = self.end_of(start, |b| b.is_ascii_alphabetic());
        let mut whole = false;
        if !spell::is_float_word(&self.source[start..end]) {
            end = digits(start);
            whole = end > start && !matches!(self.byte(end), Some(b'.' | b'e' | b'E'));
            if end > start && self.byte(end) == Some(b'.') {
                end = digits(end + 1);
            }
            if end > start && matches!(self.byte(end), Some(b'e' | b'E')) {
                end = digits(end + 1 + usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-'))));
            }
        }
        if end == start {
            return Err(self.expected("a number"));
        }
        self.at = end;
        Ok(Number { text: &self.source[at..end], whole, at })
    }

    /// Takes a whole number of 64 bits.
    pub(super) fn integer(&mut self) -> Parsed<i64> {
        let number = self.number()?;
        number.text.parse().map_err(|_| self.expected_at(number.at, "an integer of 64 bits"))
    }

    /// What lies ahead, without going there.
    pub(super) fn look<T>(&mut self, ahead: impl FnOnce(&mut Self) -> T) -> T {
        let at = self.at;
        let seen = ahead(self);
        self.at = at;
        seen
    }

    /// A name that does not occur in the text.
    pub(super) fn made_up_name(&mut self) -> String {
        const HINT: &str = "constant";
        let free = self.free.take().unwrap_or_else(|| {
            let underscores = |at: usize| self.end_of(at + HINT.len(), |b| b == b'_') - at - HINT.len();
            let longest = self.source.match_indices(HINT).map(|(at, _)| underscores(at)).max();
            HINT.to_string() + &"_".repeat(longest.unwrap_or(0) + 1)
        });
        let name = format!("{free}{}", self.made_up);
        self.made_up += 1;
        self.free = Some(free);
        name
    }

    /// Takes items with commas between them, and the mark that closes the list.
    pub(super) fn list(&mut self, close: &str, mut item: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        if self.take(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(close) {
                return Ok(());
            }
            if !self.take(",") {
                return Err(self.expected(format_args!("`,` or `{close}`")));
            }
        }
    }

    /// One level deeper, down to a bound that keeps the stack safe.
    pub(super) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEEPEST {
            return Err(self.expected(format_args!("at most {DEEPEST} levels of bodies and types")));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }
}

impl Number<'_> {
    /// The float nearest to it; infinite only where it says so.
    pub(super) fn to_f32(self) -> Option<f32> {
        self.text.parse().ok().filter(|x: &f32| !x.is_infinite() || self.is_word())
    }

    /// The double nearest to it; infinite only where it says so.
    pub(super) fn to_f64(self) -> Option<f64> {
        self.text.parse().ok().filter(|x: &f64| !x.is_infinite() || self.is_word())
    }

    /// Whether it is infinity or not a number.
    pub(super) fn is_word(self) -> bool {
        spell::is_float_word(self.text.trim_start_matches('-'))
    }
}

/// Whether this is a digest as tensors have it.
pub(super) fn is_digest(digest: &str) -> bool {
    digest.len() == 8 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_names() {
        let mut p = Parser::new("  # a comment\n \"a\\\"\\n\\x41\\q\" plain_1 /");
        assert_eq!(p.string().unwrap(), b"a\"\nAq");
        assert_eq!(p.name("a name").unwrap(), "plain_1");
        assert!(p.name("a name").unwrap_err().to_string().starts_with("line 2, column 24: expected a name"));
        assert!(Parser::new("\"\\xff\"").text().is_err());
        assert!(Parser::new("\"\\xf").text().is_err());
        assert!(Parser::new("\"abc").text().is_err());
    }

    #[test]
    fn numbers() {
        let spelled = |text| Parser::new(text).number().map(|n| (n.text.to_string(), n.whole));
        assert_eq!(spelled("-12,").unwrap(), ("-12".into(), true));
        assert_eq!(spelled("1.5e-3}").unwrap(), ("1.5e-3".into(), false));
        assert_eq!(spelled("-inf").unwrap(), ("-inf".into(), false));
        assert!(["-", ".5", "x", "", "e5", "- 5", "info"].iter().all(|t| spelled(t).is_err()));
        assert!(Parser::new("1e").number().unwrap().to_f64().is_none());
        assert!(Parser::new("1e39").number().unwrap().to_f32().is_none());
        assert!(Parser::new("9223372036854775808").integer().is_err());
    }

    #[test]
    fn digests_are_no_comments_and_comments_no_digests() {
        assert_eq!(Parser::new(" #0123abcd,").digest(), Some("0123abcd"));
        assert_eq!(Parser::new("#0123abcd \n").digest(), Some("0123abcd"));
        for comment in ["#0123abcde", "# 0123abcd", "#0123abcd is a comment", "#0123abc", "#"] {
            assert_eq!(Parser::new(comment).digest(), None);
            assert_eq!(Parser::new(comment).peek(), None);
        }
    }
}
