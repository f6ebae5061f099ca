//! Attributes: `axis = 1`, `alpha = 0.5`, `pads = [0, 1]`, `value = float[2] {1.0, 2.0}`, `body = g (x) => (y) {..}`, `to: int = @target`.
//!
//! The type is written only where the value does not tell it: for references, empty lists, and tensors of which no content is known.

use super::{
    lex::{Parsed, Parser},
    spell, tensor,
};
use crate::{
    attribute::{Attribute, AttributeValue as Value, Spelling},
    build::{AttributeDraft, GraphDraft},
    model::Model,
    value::TypeKind,
};

/// The names of the attribute types, at their numbers.
const KINDS: [&str; 15] = [
    "undefined",
    "float",
    "int",
    "string",
    "tensor",
    "graph",
    "floats",
    "ints",
    "strings",
    "tensors",
    "graphs",
    "sparse_tensor",
    "sparse_tensors",
    "type_proto",
    "type_protos",
];

/// The type of a list's items, by the number of the list's type.
fn item_kind(kind: i32) -> i32 {
    match kind {
        6..=10 => kind - 5,
        12 | 14 => kind - 1,
        other => other,
    }
}

/// The name of the type of a value that does not tell its type by itself.
pub(super) fn annotation(value: &Value) -> Option<&'static str> {
    let needed = match value {
        Value::Reference { .. } => value.type_code() != 0,
        Value::Tensor(t) => !tensor::has_content(t),
        Value::Tensors(all) => !all.iter().all(tensor::has_content) || all.is_empty(),
        Value::Floats(all) => all.is_empty(),
        Value::Ints(all) => all.is_empty(),
        Value::Strings(all) => all.is_empty(),
        Value::Graphs(all) => all.is_empty(),
        Value::SparseTensors(all) => all.is_empty(),
        Value::Types(all) => all.is_empty(),
        Value::Float(_) | Value::Int(_) | Value::String(_) | Value::Graph(_) | Value::SparseTensor(_) | Value::Type(_) => false,
    };
    let kind = usize::try_from(value.type_code()).ok().filter(|_| needed)?;
    KINDS.get(kind).copied()
}

/// An item of a list, or a value that stands alone.
enum Item {
    Value(Value),
    Graph(Box<GraphDraft>),
}

impl Parser<'_> {
    /// Takes the attributes in `< >`, if they are next.
    pub(super) fn attributes(&mut self) -> Parsed<Vec<AttributeDraft>> {
        let mut all = Vec::new();
        if self.take("<") {
            self.list(">", |p| {
                let name = p.attribute_name()?;
                all.push(p.attribute(name)?);
                Ok(())
            })?;
        }
        Ok(all)
    }

    pub(super) fn attribute_name(&mut self) -> Parsed<String> {
        let at = self.place();
        let name = self.name("the name of an attribute")?;
        if name.is_empty() { Err(self.expected_at(at, "the name of an attribute")) } else { Ok(name) }
    }

    /// Takes an attribute from behind its name on.
    pub(super) fn attribute(&mut self, name: String) -> Parsed<AttributeDraft> {
        let doc = self.note()?.doc;
        let declared = if self.take(":") { Some(self.kind_name()?) } else { None };
        self.expect("=")?;
        let at = self.place();
        let (value, graphs) = if self.take("[") {
            let mut items = Vec::new();
            self.list("]", |p| {
                items.push(p.item(declared.map(item_kind))?);
                Ok(())
            })?;
            joined(items, declared).ok_or_else(|| self.expected_at(at, "items of one type, or a type before an empty list"))?
        } else {
            match self.item(declared)? {
                Item::Value(value) => (value, Vec::new()),
                Item::Graph(graph) => (Value::Graph(Model::MAIN), vec![*graph]),
            }
        };
        if let Some(kind) = declared.filter(|kind| *kind != value.type_code()) {
            return Err(self.expected_at(at, format_args!("a value of type {}", KINDS[kind as usize])));
        }
        Ok(AttributeDraft { attribute: Attribute { name, value, doc, spelling: Spelling::default() }, graphs })
    }

    fn kind_name(&mut self) -> Parsed<i32> {
        let at = self.place();
        let word = self.word();
        let kind = KINDS.iter().skip(1).position(|k| *k == word);
        kind.map(|k| k as i32 + 1).ok_or_else(|| self.expected_at(at, format_args!("one of {}", KINDS[1..].join(", "))))
    }

    fn item(&mut self, declared: Option<i32>) -> Parsed<Item> {
        let at = self.place();
        let value = match self.peek() {
            Some(b'@') => {
                self.expect("@")?;
                Value::Reference { name: self.attribute_name()?, kind: declared.unwrap_or(0) }
            }
            Some(b'"') => {
                let string = self.string()?;
                if self.next_is("(") || self.next_is("=") {
                    let name = String::from_utf8(string).map_err(|_| self.expected_at(at, "UTF-8"))?;
                    return Ok(Item::Graph(Box::new(self.graph_behind(name)?)));
                }
                Value::String(string.into())
            }
            Some(b'0'..=b'9' | b'-') => self.number_item(declared)?,
            _ if self.next_is_type() => self.typed_item(declared)?,
            _ if spell::is_float_word(self.peek_word()) => self.number_item(declared)?,
            _ => {
                let name = self.name("a value")?;
                return Ok(Item::Graph(Box::new(self.graph_behind(name)?)));
            }
        };
        Ok(Item::Value(value))
    }

    fn number_item(&mut self, declared: Option<i32>) -> Parsed<Value> {
        let number = self.number()?;
        let value =
            if number.whole && declared != Some(1) { number.text.parse().ok().map(Value::Int) } else { number.to_f32().map(Value::Float) };
        value.ok_or_else(|| self.expected_at(number.at, "an integer of 64 bits or a float"))
    }

    /// Takes a type, or a tensor where a name or content follows the type.
    fn typed_item(&mut self, declared: Option<i32>) -> Parsed<Value> {
        let (at, ty) = (self.place(), self.ty()?);
        let is_tensor = declared.map_or_else(|| self.tensor_follows(), |kind| matches!(kind, 4 | 11));
        if !is_tensor {
            return Ok(Value::Type(ty));
        }
        let sparse = matches!(ty.kind, TypeKind::SparseTensor(_));
        let tensor = self.tensor_behind(&ty, at)?;
        Ok(if sparse { Value::SparseTensor(tensor) } else { Value::Tensor(tensor) })
    }

    fn tensor_follows(&mut self) -> bool {
        matches!(self.peek(), Some(b'{' | b'#' | b'=' | b'"' | b'!')) || !self.peek_word().is_empty()
    }
}

/// One value for all items of a list; `None` if they are of several types, or none and of no declared type.
fn joined(items: Vec<Item>, declared: Option<i32>) -> Option<(Value, Vec<GraphDraft>)> {
    let (mut values, mut graphs) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Graph(graph) => graphs.push(*graph),
            Item::Value(value) => values.push(value),
        }
    }
    let value = match (values.is_empty(), graphs.is_empty()) {
        (true, true) => empty_list(declared?)?,
        (true, false) => Value::Graphs(Vec::new()),
        (false, true) => full_list(values)?,
        (false, false) => return None,
    };
    Some((value, graphs))
}

fn empty_list(kind: i32) -> Option<Value> {
    Some(match KINDS.get(usize::try_from(kind).ok()?).copied()? {
        "floats" => Value::Floats(Vec::new()),
        "ints" => Value::Ints(Vec::new()),
        "strings" => Value::Strings(Vec::new()),
        "tensors" => Value::Tensors(Vec::new()),
        "graphs" => Value::Graphs(Vec::new()),
        "sparse_tensors" => Value::SparseTensors(Vec::new()),
        "type_protos" => Value::Types(Vec::new()),
        _ => return None,
    })
}

/// A list of values that are of one type; whole numbers among floats are floats.
fn full_list(values: Vec<Value>) -> Option<Value> {
    macro_rules! all {
        ($list:ident, $($item:pat => $x:expr),*) => {
            values.into_iter().map(|v| match v { $($item => Some($x),)* _ => None }).collect::<Option<_>>().map(Value::$list)
        };
    }
    match values.first()? {
        Value::Int(_) | Value::Float(_) if values.iter().any(|v| matches!(v, Value::Float(_))) => {
            all!(Floats, Value::Float(x) => x, Value::Int(x) => x as f32)
        }
        Value::Int(_) => all!(Ints, Value::Int(x) => x),
        Value::String(_) => all!(Strings, Value::String(x) => x),
        Value::Tensor(_) => all!(Tensors, Value::Tensor(x) => x),
        Value::SparseTensor(_) => all!(SparseTensors, Value::SparseTensor(x) => x),
        Value::Type(_) => all!(Types, Value::Type(x) => x),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::{Model, text};

    fn printed(attributes: &str) -> Result<String, text::TextError> {
        let model = text::parse(&format!("g () => () {{ = Op() <{attributes}> }}"))?;
        let node = model.nodes_in(Model::MAIN).next().unwrap();
        Ok(text::print_node(&model, node).trim_start_matches("= Op() ").to_string())
    }

    #[test]
    fn attributes_survive() {
        for text in [
            "<a = 1, b = -0.0, c = nan, d = -inf, e = \"x\\n\", \"odd/name\" = 2>",
            "<a = [1, 2], b = [0.5, 1.0], c = [\"x\", \"\\xff\"], d: ints = [], e: floats = [], f: strings = []>",
            "<a = float[2] t {1.0, 2.0}, b = float #01234567, c: tensor = float[3], d = [int8[1] {1}, bool {0}], e: tensors = []>",
            "<a = sparse_tensor(float[3]) {float[1] {1.0}, int64[1] {2}}, b = [sparse_tensor(float[3]) {float[0] {}}], c: sparse_tensors = []>",
            "<a = float[N], b = seq(float), c = [float[], ?], d: type_protos = [], e = ?>",
            "<a: int = @b, b: floats = @\"c d\", c = @d>",
            "<a: graphs = []>",
        ] {
            assert_eq!(printed(text.trim_start_matches('<').trim_end_matches('>')).unwrap(), text);
        }
    }

    #[test]
    fn declared_types_decide() {
        assert_eq!(
            printed("a: float = 1, b: floats = [1, 2], c = [1, 2.5], d: int = 1").unwrap(),
            "<a = 1.0, b = [1.0, 2.0], c = [1.0, 2.5], d = 1>"
        );
        for text in [
            "a: int = 1.5",
            "a: ints = 1",
            "a: int = [1]",
            "a: what = 1",
            "a = []",
            "a = [1, \"x\"]",
            "a = [@b]",
            "a: int = []",
            "a",
            "= 1",
        ] {
            assert!(printed(text).is_err(), "{text}");
        }
    }
}
