//! Models as text, in ONNX's own textual syntax (`docs/Syntax.md` of ONNX): what `onnx.parser` accepts is accepted here, with the same meaning.
//!
//! ```
//! let source = r#"<
//!   ir_version: 10,
//!   opset_import: ["": 21]
//! >
//! dense (float[N,8] x) => (float[N,4] y) <
//!   float[8,4] W = #1f2e3d4c,
//!   float[4] b = {1.0, 2.0, 3.0, 4.0}
//! > {
//!   [first] t = MatMul(x, W)
//!   u = Add(t, b)
//!   y = Clip(u, "", 6.0)
//! }
//! "#;
//! assert_eq!(shrinx_ir::text::print(&shrinx_ir::text::parse(source).unwrap()), source);
//! ```
//!
//! A graph may stand without a header; it is then of IR version 10 and opset 21. A name that is no plain identifier stands in double quotes, and an absent
//! port is `""`. Nodes are printed one a line, in their order in the model, and attributes in theirs. As in ONNX's syntax, `float` is the type of a scalar
//! and `float[]` that of a tensor of which not even the rank is known.
//!
//! Where this goes beyond ONNX's syntax, its parser refuses the text, or, as marked, reads it otherwise:
//!
//! - Tensors of more than [`TextOptions::inline`] elements, or of long ones, are written as a digest, `#1f2e3d4c`: a text does not hold the weights. A listed
//!   value that nothing makes and something reads, `<float[8,4] W>`, is an initializer of unknown content. ONNX's parser takes the digest for a comment.
//! - A constant that is read once stands where it is read: `Clip(u, "", 6.0)`, `Reshape(x, [0, -1])`. Its name is lost.
//! - Elements of float16 and bfloat16 may be decimals: `float16[1] {1.0}`. Whole numbers are their bits, as in ONNX's syntax.
//! - In strings `\n`, `\r`, `\t` and `\xNN` mean what they look like. ONNX's parser reads the letter behind the backslash.
//! - Sparse tensors have content; types may have denotations; lists may hold types, tensors and graphs; operators, attributes and the names of bodies may
//!   stand in quotes.
//! - Documentation, metadata and quantization annotations are notes, `!{doc_string: ".."}`, wherever the syntax has no place for them.
//!
//! Left out are `training_info` and `configuration` of models, `device_configurations` of nodes, the payload of NaNs, and differences of spelling that mean
//! nothing: which field holds a tensor's elements, or whether an empty string is there at all.

mod attribute;
mod constant;
mod elided;
mod fault;
mod lex;
mod note;
mod parse;
mod print;
mod spell;
mod tensor;
mod types;

pub use fault::TextError;

use crate::model::{Model, NodeId, ScopeId};
use print::Printer;

/// How to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// Whether the header of the model is printed.
    pub header: bool,
    /// Whether notes and denotations are printed.
    pub notes: bool,
    /// Whether a constant that is read once stands where it is read, `Clip(x, 0.0, 6.0)`, instead of in a `Constant` node of its own.
    pub operands: bool,
    /// Tensors of up to this many elements are spelled out, if they are short.
    pub inline: usize,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { header: true, notes: true, operands: true, inline: 8 }
    }
}

/// Prints a model. Reading the text gives a model that prints the same.
pub fn print(model: &Model) -> String {
    print_with(model, &TextOptions::default())
}

/// Prints a model: its header, its graph, and its functions.
pub fn print_with(model: &Model, options: &TextOptions) -> String {
    let mut printer = Printer::new(model, options);
    printer.model(options.header);
    printer.finish()
}

/// Prints one graph, body or function.
pub fn print_scope(model: &Model, scope: ScopeId, options: &TextOptions) -> String {
    let mut printer = Printer::new(model, options);
    printer.scope(scope);
    printer.finish()
}

/// Prints a node on one line, for messages: without notes and without what its bodies hold.
pub fn print_node(model: &Model, node: NodeId) -> String {
    let mut printer = Printer::brief(model);
    printer.node(node);
    printer.finish()
}

/// Reads a model, or a graph alone.
pub fn parse(source: &str) -> Result<Model, TextError> {
    parse::model(source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::Coded,
        tensor::{Tensor, TensorData},
    };

    const DENSE: &str = r#"dense (float[N,8] x) => (float[N,4] y) <
  float[4] b = {1.0, 2.0, 3.0, 4.0},
  float[9] big = #0123abcd,
  float[8,4] W,
  float[N,4] t
> {
  [first] t = MatMul(x, W)
  y, "" = Add(b, "/odd name", "", t) <axis = 1, to: ints = [], pads = [0, -1], alpha = 0.5, s = ["a", "b"], ty = seq(float[N])>
  = com.acme.Log:v2(big, 0.5, [0, -1], float[9] #89abcdef, bool {1})
}
"#;

    const NESTED: &str = r#"<
  ir_version: 8,
  opset_import: ["": 17, "my": 1],
  producer_name: "someone",
  model_version: 3,
  doc_string: "two\nlines",
  metadata_props: ["k": "v"]
>
"main graph" (bool c, float[2] x) => (float[2] y) !{doc_string: "g"} {
  y = If(c) <
    then_branch = then () => (float[2] z) {
      z = my.F(x) <alpha = 2.0> !{metadata_props: ["a": "b"]}
    },
    else_branch !{doc_string: "other"} = "else/body" () => (w) <
      float[2] k = {0.5, -0.0}
    > {
      w = Mul(x, k)
    },
    n = 3
  >
}
<
  domain: "my",
  opset_import: ["": 17]
>
F <alpha, beta: int = @gamma, gamma = 1> (a) => (b) <
  float[2] c
> {
  c = Constant() <value_float: float = @alpha>
  b = Mul(a, c)
}
"#;

    fn same(text: &str) -> Model {
        let model = parse(text).unwrap_or_else(|e| panic!("{e}"));
        let options = TextOptions { header: text.starts_with('<'), ..TextOptions::default() };
        assert_eq!(print_with(&model, &options), text);
        model
    }

    #[test]
    fn a_graph_survives() {
        let text = DENSE.replace("\"/odd name\", ", "");
        let model = same(&text);
        assert_eq!((model.header().ir_version, model.opset(Model::MAIN, "")), (Some(10), Some(21)));
        let w = model.find(Model::MAIN, "W").unwrap();
        assert_eq!(model.value(w).initializer.as_ref().unwrap().data, TensorData::Elided(String::new()));
        assert_eq!(parse(DENSE).unwrap_err().to_string(), "node (Add) reads `/odd name`, which nothing makes");
    }

    #[test]
    fn bodies_functions_and_notes_survive() {
        let model = same(NESTED);
        let node = model.nodes_in_order(Model::MAIN).unwrap()[0];
        assert_eq!(print_node(&model, node), "y = If(c) <then_branch = then {..}, else_branch = \"else/body\" {..}, n = 3>");
        let body = model.node(node).bodies().nth(1).unwrap();
        let alone = print_scope(&model, body, &TextOptions::default());
        assert_eq!(alone, "\"else/body\" () => (w) <\n  float[2] k = {0.5, -0.0}\n> {\n  w = Mul(x, k)\n}\n");
        let bare = print_with(&model, &TextOptions { notes: false, header: false, operands: true, inline: 1 });
        assert!(!bare.contains('!') && bare.contains("k = #") && bare.starts_with("\"main graph\""));
    }

    /// Spellings that ONNX's parser accepts beside those that are printed.
    #[test]
    fn other_spellings_are_read() {
        let text = r#"<opset_import: [ "" : 17 ], ir_version: 8>  # a comment
        g (float[3] w = {1, 2, 3}, float x) => (float y) <float[2] e = ["location": "w.bin", "offset": "0"]> {
            [ ] a = Sum <k : floats = [1, 2], t = float[2] name = {1, 2}, g = h () => (i) { i = Identity(x) }> (w, , x, e,)
            [n] y = Sub(a, "")
        }
        <opset_import: ["": 17], domain: "d", overload: "o", doc_string: "f">
        f <p, q: float = 1> (float[2] a, b) => (c) { c = Add(a, b) }"#;
        let model = parse(text).unwrap();
        let expected = r#"<
  ir_version: 8,
  opset_import: ["": 17]
>
g (float[3] w, float x) => (float y) <
  float[3] w = {1.0, 2.0, 3.0},
  float[2] e
> {
  a = Sum(w, "", x, e) <
    k = [1.0, 2.0],
    t = float[2] name {1.0, 2.0},
    g = h () => (i) {
      i = Identity(x)
    }
  >
  [n] y = Sub(a, "")
}
<
  domain: "d",
  opset_import: ["": 17],
  overload: "o",
  doc_string: "f"
>
f <p, q = 1.0> (a, b) => (c) <
  float[2] a
> {
  c = Add(a, b)
}
"#;
        assert_eq!(print(&model), expected);
        same(expected);
    }

    #[test]
    fn an_empty_header_is_not_the_default_one() {
        let model = same("<>\ng () => () {\n}\n");
        assert_eq!(model.header().ir_version, None);
    }

    #[test]
    fn long_signatures_have_a_line_for_each_value() {
        let inputs: Vec<String> = (0..20).map(|k| format!("float[N] input_{k}")).collect();
        same(&format!("g (\n  {}\n) => (float[N] y) {{\n  y = Sum(input_0)\n}}\n", inputs.join(",\n  ")));
    }

    #[test]
    fn edits_do_not_leave_traces() {
        let mut model = parse("g (float[2] x) => (float[2] y) <float[2] w, float[2] t> {\n  t = Add(x, w)\n  y = Relu(x)\n}").unwrap();
        let dead = model.nodes_in_order(Model::MAIN).unwrap()[0];
        model.kill(dead);
        model.compact();
        let w = model.find(Model::MAIN, "w").unwrap();
        model.set_initializer(w, Some(Tensor::from_f32([2], &[1.0, 2.0])));
        assert!(model.drop_initializer(w));
        let headless = TextOptions { header: false, ..TextOptions::default() };
        assert_eq!(print_with(&model, &headless), "g (float[2] x) => (float[2] y) {\n  y = Relu(x)\n}\n");
    }

    #[test]
    fn errors_say_where_and_what() {
        let error = parse("g (float[N] x) => (float[N] y) {\n  y = Relu(x}\n}").unwrap_err();
        assert_eq!(error.to_string(), "line 2, column 13: expected `)`\n  |   y = Relu(x}\n  |             ^");
        assert_eq!(error.code(), "E0130");
        for text in [
            "",
            "g",
            "g (",
            "<ir_version: x> g () => () {}",
            "<a: 1> g () => () {}",
            "g () => () {} <",
            "g () => () { y = Op(x) <a = 1, a = 2> }",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bodies_nest_only_so_deep() {
        let nest = |levels: usize| {
            let open = "g () => () { = If() <b = ".repeat(levels);
            format!("{open}g () => () {{}}{}", "> }".repeat(levels))
        };
        let model = parse(&nest(99)).unwrap();
        assert_eq!(print(&parse(&print(&model)).unwrap()), print(&model));
        assert!(parse(&nest(10_000)).unwrap_err().to_string().contains("at most 100 levels"));
    }

    /// Broken texts are refused, not believed, and what is accepted prints as it reads.
    #[test]
    fn mutations_do_no_harm() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % bound.max(1) as u64) as usize
        };
        let corpus = [DENSE.replace("\"/odd name\", ", ""), NESTED.to_string()];
        let marks = b"<>(){}[]=,:.\"\\#!?@-0123456789e\n xtfg";
        let mut accepted = 0;
        for round in 0..4000 {
            let mut bytes = corpus[round % 2].clone().into_bytes();
            for _ in 0..=random(3) {
                let (at, other) = (random(bytes.len()), random(bytes.len()));
                match random(4) {
                    0 => bytes[at] = marks[random(marks.len())],
                    1 => bytes.insert(at, marks[random(marks.len())]),
                    2 => drop(bytes.drain(at..(at + random(12)).min(bytes.len()))),
                    _ => {
                        let piece: Vec<u8> = bytes[other..(other + random(40)).min(bytes.len())].to_vec();
                        bytes.splice(at..at, piece);
                    }
                }
            }
            let Ok(text) = String::from_utf8(bytes) else { continue };
            let Ok(model) = parse(&text) else { continue };
            accepted += 1;
            let printed = print(&model);
            let again = parse(&printed).unwrap_or_else(|e| panic!("{e}\n{printed}"));
            assert_eq!(print(&again), printed, "from {text}");
        }
        assert!(accepted > 100, "{accepted}");
    }
}
