//! What a model wants to be fed.

use super::SampleError;
use shrinx_rewrite::{
    ir::{DataType, Dim, Model, Tensor},
    ops::{Facts, Feeds, OpTable},
};
use std::{collections::BTreeMap, fmt};

/// An input that a caller must feed.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub dtype: DataType,
    /// Its lengths, where their number is known.
    pub dims: Option<Vec<Dim>>,
}

impl InputSpec {
    /// The inputs of a model that have no stored value.
    pub fn of(model: &Model) -> Vec<Self> {
        let facts = Facts::infer(model, &OpTable::standard());
        let inputs = model.scope(Model::MAIN).inputs().iter().map(|d| d.value);
        let spec = |value| Self {
            name: model.name(value).to_string(),
            dtype: facts.of(value).dtype.unwrap_or(DataType::Undefined),
            dims: facts.of(value).shape.clone(),
        };
        inputs.filter(|v| model.value(*v).initializer.is_none()).map(spec).collect()
    }

    pub(super) fn rank(&self) -> Option<usize> {
        self.dims.as_ref().map(Vec::len)
    }

    /// Whether the model leaves the length of the first axis open.
    pub(super) fn has_open_batch(&self) -> bool {
        self.dims.as_ref().and_then(|d| d.first()).is_some_and(|d| d.known().is_none())
    }

    /// Whether samples may lie along the first axis.
    pub(super) fn has_batch(&self) -> bool {
        self.dims.as_ref().and_then(|d| d.first()).is_some_and(|d| d.known().is_none_or(|n| n == 1))
    }
}

impl fmt::Display for InputSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.name, self.dtype)?;
        let Some(dims) = &self.dims else { return Ok(()) };
        let lengths: Vec<String> = dims.iter().map(|d| d.known().map_or("?".into(), |n| n.to_string())).collect();
        write!(f, "[{}]", lengths.join(", "))
    }
}

/// What the model wants, in one line.
pub(super) fn wants(inputs: &[InputSpec]) -> String {
    let all: Vec<String> = inputs.iter().map(ToString::to_string).collect();
    if all.is_empty() { "no inputs".into() } else { all.join(", ") }
}

/// Refuses names that no input has, and inputs that get nothing.
pub(super) fn check_names(file: &str, inputs: &[InputSpec], keys: &[&str]) -> Result<(), SampleError> {
    if let Some(key) = keys.iter().find(|key| inputs.iter().all(|i| i.name != **key)) {
        let distance = |i: &&InputSpec| strsim::damerau_levenshtein(&i.name, key);
        let near = inputs.iter().min_by_key(distance).filter(|i| inputs.len() == 1 || distance(i) <= i.name.len().max(key.len()) / 3 + 1);
        return Err(SampleError::NoInput {
            file: file.into(),
            key: (*key).into(),
            near: near.map(|i| i.name.clone()),
            wants: wants(inputs),
        });
    }
    match inputs.iter().find(|i| keys.iter().all(|key| *key != i.name)) {
        Some(input) => Err(SampleError::Missing { file: file.into(), input: input.name.clone(), wants: wants(inputs) }),
        None => Ok(()),
    }
}

/// Refuses values that do not fit.
pub(super) fn check(file: &str, inputs: &[InputSpec], feeds: &Feeds) -> Result<(), SampleError> {
    check_names(file, inputs, &feeds.iter().map(|(name, _)| name).collect::<Vec<_>>())?;
    let mut lengths = BTreeMap::new();
    for input in inputs {
        let problem = feeds.get(&input.name).and_then(|tensor| misfit(input, tensor, &mut lengths));
        if let Some(problem) = problem {
            return Err(SampleError::Unfit { file: file.into(), input: input.name.clone(), problem, wants: wants(inputs) });
        }
    }
    Ok(())
}

/// What does not fit. A length that the model gives a name is the same wherever it has that name.
fn misfit<'a>(input: &'a InputSpec, tensor: &Tensor, lengths: &mut BTreeMap<&'a Dim, u64>) -> Option<String> {
    if input.dtype != DataType::Undefined && input.dtype != tensor.dtype {
        return Some(format!("is {}, given is {}", input.dtype, tensor.dtype));
    }
    let dims = input.dims.as_ref()?;
    let shape = |problem: &str| Some(format!("{problem}, given is {:?}", tensor.dims));
    if dims.len() != tensor.rank() {
        return shape(&format!("has {} axes", dims.len()));
    }
    for (k, (dim, given)) in dims.iter().zip(&tensor.dims).enumerate() {
        let wanted = match dim.known() {
            Some(n) => n as u64,
            None => *lengths.entry(dim).or_insert(*given),
        };
        if wanted != *given {
            return shape(&format!("has length {wanted} on axis {k}"));
        }
    }
    None
}
