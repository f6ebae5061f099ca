//! What rten is known to compute rightly: operators, with the types of their inputs and of their first output, that agreed with the node tests of ONNX
//! and with ONNX Runtime. `examples/run_node_tests.rs` writes the list.

use super::site::Site;
use rustc_hash::FxHashMap;
use shrinx_ops::ir::DataType;
use std::sync::OnceLock;

const LIST: &str = include_str!("../../rten-ops.txt");

/// The types of a node's inputs and of its first output; a list that is shorter than the inputs goes on with its last entry. `None` is any.
type Signature = Vec<Option<DataType>>;

fn signatures() -> &'static FxHashMap<&'static str, Vec<(Signature, Option<DataType>)>> {
    static PARSED: OnceLock<FxHashMap<&'static str, Vec<(Signature, Option<DataType>)>>> = OnceLock::new();
    PARSED.get_or_init(|| LIST.lines().filter(|l| !l.starts_with('#')).filter_map(parse).collect())
}

fn parse(line: &'static str) -> Option<(&'static str, Vec<(Signature, Option<DataType>)>)> {
    let mut words = line.split(' ');
    let op = words.next()?;
    let signature = |word: &str| {
        let (inputs, output) = word.split_once('>')?;
        Some((inputs.split(',').map(DataType::from_name).collect(), DataType::from_name(output)))
    };
    Some((op, words.filter_map(signature).collect()))
}

/// Why nothing is known of a node; `None` where it is known to be right. Types that are not known are taken for those of the list.
pub(super) fn reason(site: &Site<'_>) -> Option<String> {
    let Some(known) = signatures().get(site.call.node.op.to_string().as_str()) else { return Some("the operator is not known to be right".into()) };
    let agrees = |known: &Option<DataType>, found: Option<DataType>| known.is_none() || found.is_none() || *known == found;
    let made = site.outputs.first().copied().flatten().and_then(|v| site.facts.of(v).dtype);
    let fits = known.iter().any(|(inputs, output)| {
        agrees(output, made) && (0..site.inputs.len()).all(|k| inputs.get(k).or(inputs.last()).is_none_or(|t| agrees(t, site.dtype(k))))
    });
    if fits || known.is_empty() {
        return None;
    }
    let types: Vec<&str> = (0..site.inputs.len()).map(|k| site.dtype(k).map_or("?", DataType::name)).collect();
    Some(format!("not known to be right for types {}", types.join(", ")))
}
