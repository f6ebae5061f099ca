//! What kernels of a target take, as a text file.

use super::{KernelClass, Precision, Work};
use serde::{Deserialize, Serialize};
use shrinx_ir::{Coded, ErrorKind};

/// Measured costs of the kernels of a target: one thread, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[allow(missing_docs)] // the classes of kernels, documented as such
pub struct CostTable {
    /// What it holds for, as `ort-x64-vnni`.
    pub target: String,
    /// Where it was measured.
    pub machine: String,
    /// What ran.
    pub runtime: String,
    /// Kernels of convolutions and products round channels up to multiples of this.
    pub block: u64,
    pub conv_pointwise: Pair<Rates>,
    pub conv_spatial: Pair<Rates>,
    pub conv_shallow: Pair<Rates>,
    pub conv_depthwise: Pair<Rates>,
    pub conv_grouped: Pair<Rates>,
    pub matmul: Pair<Rates>,
    pub gemm: Pair<Rates>,
    pub elementwise: Pair<Curve>,
    pub activation: Pair<Curve>,
    pub quantize: Curve,
    pub dequantize: Curve,
    pub transpose: Curve,
    pub reorder: Curve,
}

/// One for each precision.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pair<T> {
    /// Of the float kernel.
    pub float32: T,
    /// Of the int8 kernel.
    pub int8: T,
}

/// Nanoseconds for each of what a kernel that multiplies does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// A multiply-accumulate.
    pub mac: f64,
    /// An element gathered under the kernel: positions times reduction.
    pub gather: f64,
    /// An element of the input.
    pub input: f64,
    /// An element of the output.
    pub output: f64,
    /// A weight.
    pub weight: f64,
    /// A channel of the output.
    pub channel: f64,
    /// A call.
    pub call: f64,
}

impl Rates {
    /// How much of each a work does, in the order of the fields.
    pub fn amounts(work: &Work, block: u64) -> [f64; 7] {
        let [positions, reduction, channels] = [work.positions, work.reduction, work.channels].map(|n| n as f64);
        let blocks = work.channels.div_ceil(block.max(1)).saturating_mul(block.max(1)) as f64;
        let gathered = positions * reduction;
        [gathered * blocks, gathered, work.input as f64, work.output as f64, reduction * channels, channels, 1.0]
    }

    /// The rates in the order of the fields.
    pub fn to_array(self) -> [f64; 7] {
        [self.mac, self.gather, self.input, self.output, self.weight, self.channel, self.call]
    }

    /// Rates from numbers in the order of the fields.
    pub fn from_array([mac, gather, input, output, weight, channel, call]: [f64; 7]) -> Self {
        Self { mac, gather, input, output, weight, channel, call }
    }

    fn at(self, work: &Work, block: u64) -> f64 {
        self.to_array().iter().zip(Self::amounts(work, block)).map(|(rate, amount)| rate * amount).sum()
    }

    fn problem(self) -> Option<&'static str> {
        self.to_array().iter().any(|r| !r.is_finite() || *r < 0.0).then_some("a rate is negative or no number")
    }
}

/// Nanoseconds by number of elements, as measured points: between them straight lines, below them the first, beyond them proportional to the last.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// Elements, ascending.
    pub elements: Vec<u64>,
    /// What so many take.
    pub nanoseconds: Vec<f64>,
}

impl Curve {
    /// What so many elements take.
    pub fn at(&self, elements: u64) -> f64 {
        let x = elements as f64;
        let point = |k: usize| Some((*self.elements.get(k)? as f64, *self.nanoseconds.get(k)?));
        let above = self.elements.partition_point(|e| *e <= elements);
        match (above.checked_sub(1).and_then(point), point(above)) {
            (Some((from, low)), Some((to, high))) => low + (high - low) * (x - from) / (to - from),
            (None, Some((_, first))) => first,
            (Some((last, ns)), None) => ns * x / last,
            (None, None) => 0.0,
        }
    }

    fn problem(&self) -> Option<&'static str> {
        if self.elements.is_empty() || self.elements.len() != self.nanoseconds.len() {
            return Some("a curve has no points, or not as many elements as nanoseconds");
        }
        if !self.elements.is_sorted_by(|a, b| a < b) || self.elements[0] == 0 {
            return Some("elements of a curve do not ascend from 1");
        }
        self.nanoseconds.iter().any(|n| !n.is_finite() || *n < 0.0).then_some("nanoseconds of a curve are negative or no number")
    }
}

/// A table of costs that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table of costs: {0}")]
pub struct CostError(String);

impl Coded for CostError {
    fn code(&self) -> &'static str {
        "E0701"
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Usage
    }

    fn help(&self) -> Option<String> {
        Some("`shrinx bench --costs -o FILE` makes one".into())
    }
}

impl CostTable {
    /// The table that comes with shrinx: ONNX Runtime on a x64 processor with avx512_vnni.
    pub fn shipped() -> Self {
        Self::parse(include_str!("ort-x64-vnni.toml")).expect("a test reads it")
    }

    /// Reads a table. Keys that are missing or unknown are errors.
    pub fn parse(text: &str) -> Result<Self, CostError> {
        let table: Self = toml::from_str(text).map_err(|e| CostError(e.to_string().trim_end().to_string()))?;
        match table.problem() {
            Some(problem) => Err(CostError(problem)),
            None => Ok(table),
        }
    }

    /// The table as text, which [`CostTable::parse`] reads.
    pub fn print(&self) -> String {
        let tables = toml::to_string(self).unwrap_or_default();
        format!("# Nanoseconds that kernels take, on one thread. Made by `shrinx bench --costs`.\n\n{tables}")
    }

    /// What it holds for.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What a work takes. A class that comes in one precision takes the same in both.
    pub fn nanoseconds(&self, work: &Work, precision: Precision) -> f64 {
        match self.prices(work.class) {
            Prices::Rates(pair) => pair.of(precision).at(work, self.block),
            Prices::Curves(pair) => pair.of(precision).at(work.output),
            Prices::Curve(curve) => curve.at(work.output),
        }
    }

    /// What precedes the int8 kernel, where its input comes in float.
    pub fn enter(&self, work: &Work) -> f64 {
        let layout = match work.class {
            KernelClass::ConvShallow => self.transpose.at(work.input),
            class if class.is_convolution() => self.reorder.at(work.input) + self.transpose.at(work.input),
            _ => 0.0,
        };
        self.quantize.at(work.input) + layout
    }

    /// What follows the int8 kernel, where its output is read in float. The output of a `MatMul` is float.
    pub fn leave(&self, work: &Work) -> f64 {
        match work.class {
            KernelClass::MatMul => 0.0,
            class if class.is_convolution() => {
                self.transpose.at(work.output) + self.dequantize.at(work.output) + self.reorder.at(work.output)
            }
            _ => self.dequantize.at(work.output),
        }
    }

    /// What a node gains by being the only int8 one, its boundaries included. A function that the float kernel applies on the way (`Relu`, `HardSwish`)
    /// becomes a pass of its own: the caller subtracts it.
    pub fn gain(&self, work: &Work) -> f64 {
        let kernels = self.nanoseconds(work, Precision::Float32) - self.nanoseconds(work, Precision::Int8);
        kernels - self.enter(work) - self.leave(work)
    }

    fn prices(&self, class: KernelClass) -> Prices<'_> {
        match class {
            KernelClass::ConvPointwise => Prices::Rates(&self.conv_pointwise),
            KernelClass::ConvSpatial => Prices::Rates(&self.conv_spatial),
            KernelClass::ConvShallow => Prices::Rates(&self.conv_shallow),
            KernelClass::ConvDepthwise => Prices::Rates(&self.conv_depthwise),
            KernelClass::ConvGrouped => Prices::Rates(&self.conv_grouped),
            KernelClass::MatMul => Prices::Rates(&self.matmul),
            KernelClass::Gemm => Prices::Rates(&self.gemm),
            KernelClass::Elementwise => Prices::Curves(&self.elementwise),
            KernelClass::Activation => Prices::Curves(&self.activation),
            KernelClass::Quantize => Prices::Curve(&self.quantize),
            KernelClass::Dequantize => Prices::Curve(&self.dequantize),
            KernelClass::Transpose => Prices::Curve(&self.transpose),
            KernelClass::Reorder => Prices::Curve(&self.reorder),
        }
    }

    fn problem(&self) -> Option<String> {
        use KernelClass::{
            Activation, ConvDepthwise, ConvGrouped, ConvPointwise, ConvShallow, ConvSpatial, Dequantize, Elementwise, Gemm, MatMul,
            Quantize, Reorder, Transpose,
        };
        let all = [
            ConvPointwise,
            ConvSpatial,
            ConvShallow,
            ConvDepthwise,
            ConvGrouped,
            MatMul,
            Gemm,
            Elementwise,
            Activation,
            Quantize,
            Dequantize,
            Transpose,
            Reorder,
        ];
        let of = |class| match self.prices(class) {
            Prices::Rates(pair) => pair.float32.problem().or(pair.int8.problem()),
            Prices::Curves(pair) => pair.float32.problem().or(pair.int8.problem()),
            Prices::Curve(curve) => curve.problem(),
        };
        all.into_iter().find_map(|class| Some(format!("{class:?}: {}", of(class)?)))
    }
}

impl<T> Pair<T> {
    fn of(&self, precision: Precision) -> &T {
        match precision {
            Precision::Float32 => &self.float32,
            Precision::Int8 => &self.int8,
        }
    }
}

enum Prices<'a> {
    Rates(&'a Pair<Rates>),
    Curves(&'a Pair<Curve>),
    Curve(&'a Curve),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv(class: KernelClass, inputs: u64, channels: u64, kernel: u64, side: u64) -> Work {
        let positions = side * side;
        Work { class, positions, reduction: inputs * kernel * kernel, channels, input: inputs * positions, output: channels * positions }
    }

    #[test]
    fn int8_pays_where_there_is_work() {
        let table = CostTable::shipped();
        let faster = |work: &Work| table.nanoseconds(work, Precision::Float32) / table.nanoseconds(work, Precision::Int8);
        let spatial = conv(KernelClass::ConvSpatial, 64, 64, 3, 56);
        assert!((2.5..4.0).contains(&faster(&spatial)), "{}", faster(&spatial));
        assert!(table.gain(&spatial) > 500_000.0, "{}", table.gain(&spatial));
        assert!((1.5e6..3.0e6).contains(&table.nanoseconds(&spatial, Precision::Float32)), "a float convolution of 116 M");
        let product = Work::product(KernelClass::MatMul, 128, 768, 768);
        assert!((2.5..4.0).contains(&faster(&product)), "{}", faster(&product));
        assert!(table.gain(&product) > 500_000.0, "{}", table.gain(&product));
        assert!((2.5..4.0).contains(&faster(&Work { class: KernelClass::Gemm, ..product })));
    }

    #[test]
    fn int8_does_not_pay_where_there_is_little() {
        let table = CostTable::shipped();
        let depthwise = Work { reduction: 9, ..conv(KernelClass::ConvDepthwise, 64, 64, 3, 56) };
        assert!(table.nanoseconds(&depthwise, Precision::Int8) > table.nanoseconds(&depthwise, Precision::Float32));
        assert!(table.gain(&conv(KernelClass::ConvPointwise, 16, 16, 1, 10)) < 0.0);
        assert!(table.gain(&conv(KernelClass::ConvPointwise, 16, 32, 1, 120)) < 0.0, "all boundary, no reduction");
        assert!(table.gain(&conv(KernelClass::ConvShallow, 3, 16, 3, 112)) < 0.0);
        assert!(table.gain(&Work::product(KernelClass::MatMul, 1, 32, 32)) < 0.0);
    }

    #[test]
    fn comes_back_from_its_text() {
        let table = CostTable::shipped();
        assert_eq!(CostTable::parse(&table.print()).unwrap(), table);
        assert_eq!(table.target(), "ort-x64-vnni");
        assert!(include_str!("ort-x64-vnni.toml") == table.print(), "the shipped table is as printed");
    }

    #[test]
    fn says_what_is_wrong_with_a_text() {
        let text = CostTable::shipped().print();
        let said = |text: &str| CostTable::parse(text).unwrap_err().to_string();
        assert!(said(&text.replacen("mac =", "mca =", 1)).contains("unknown field `mca`, expected one of `mac`"));
        assert!(said(&text.replacen("[quantize]", "[quantise]", 1)).contains("unknown field `quantise`"));
        assert!(said(&text.replacen("target =", "# target =", 1)).contains("missing field `target`"));
        assert!(said(&text.replacen("mac = ", "mac = -", 1)).contains("ConvPointwise: a rate is negative"));
        assert!(said(&text.replacen("elements = [", "elements = [7, ", 1)).contains("Elementwise: a curve has no points"));
        assert!(said("block").starts_with("table of costs: TOML parse error at line 1"));
    }

    #[test]
    fn curves_go_through_their_points() {
        let curve = Curve { elements: vec![100, 200], nanoseconds: vec![10.0, 40.0] };
        assert_eq!([1, 100, 150, 200, 400].map(|n| curve.at(n)), [10.0, 10.0, 25.0, 40.0, 80.0]);
        assert_eq!(Curve { elements: vec![2], nanoseconds: vec![4.0] }.at(4), 8.0);
    }
}
