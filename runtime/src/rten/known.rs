//! What rten is known to compute rightly: operators, with the types of their inputs and of their first output, that agreed with the node tests of ONNX
//! and with ONNX Runtime. `examples/run_node_tests.rs` writes the list.

use super::site::Site;
use rustc_hash::FxHashMap;
use shrinx_ops::ir::DataType;
use std::sync::OnceLock;

const LIST: &str = include_str!("../../rten-ops.txt");

/// Types that a node was seen with; `None` is any. The last input stands for all that follow.
struct Signature {
    inputs: Vec<Option<DataType>>,
    output: Option<DataType>,
}

type Signatures = FxHashMap<&'static str, Vec<Signature>>;

fn signatures() -> &'static Signatures {
    static PARSED: OnceLock<Signatures> = OnceLock::new();
    PARSED.get_or_init(|| {
        let lines = LIST.lines().filter(|l| !l.starts_with('#')).map(|l| l.split(' '));
        lines.filter_map(|mut words| Some((words.next()?, words.filter_map(Signature::parse).collect()))).collect()
    })
}

impl Signature {
    fn parse(word: &str) -> Option<Self> {
        let (inputs, output) = word.split_once('>')?;
        Some(Self { inputs: inputs.split(',').map(DataType::from_name).collect(), output: DataType::from_name(output) })
    }

    /// Types that are not known are taken for those of the list.
    fn fits(&self, site: &Site<'_>) -> bool {
        let agrees = |known: Option<DataType>, found: Option<DataType>| known.is_none() || found.is_none() || known == found;
        let input = |port: usize| self.inputs.get(port).or(self.inputs.last()).copied().flatten();
        let made = site.outputs.first().copied().flatten().and_then(|v| site.facts.of(v).dtype);
        agrees(self.output, made) && (0..site.inputs.len()).all(|k| agrees(input(k), site.dtype(k)))
    }
}

/// Why nothing is known of a node; `None` where it is known to be right.
pub(super) fn reason(site: &Site<'_>) -> Option<String> {
    let Some(known) = signatures().get(site.call.node.op.to_string().as_str()) else {
        return Some("the operator is not known to be right".into());
    };
    if known.is_empty() || known.iter().any(|s| s.fits(site)) {
        return None;
    }
    let types: Vec<&str> = (0..site.inputs.len()).map(|k| site.dtype(k).map_or("?", DataType::name)).collect();
    Some(format!("not known to be right for types {}", types.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_to_the_last_word() {
        let entries = LIST.lines().filter(|l| !l.starts_with('#'));
        for line in entries {
            let mut words = line.split(' ');
            let op = words.next().unwrap();
            assert_eq!(signatures()[op].len(), words.count(), "{op}");
        }
        assert!(signatures()["If"].is_empty(), "any types go into a body");
    }
}
