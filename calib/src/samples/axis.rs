//! One `.npz` file, and the rule of its sample axis: [`Samples::open`](super::Samples::open).
//!
//! Where the number of an input's axes is not known, its array has none for samples.

use super::{InputSpec, SampleError, folder::unreadable, npz, npz::Stored, spec};
use shrinx_rewrite::ops::Feeds;
use std::path::Path;

/// An archive of samples.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    pub(super) file: String,
    name: String,
    arrays: Vec<(String, Stored)>,
    rule: Rule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// Along an axis of their own, of this length, in the arrays that are marked.
    OwnAxis(u64, Vec<bool>),
    /// Along the batch, of this length.
    Batch(u64),
    /// One run.
    Whole,
}

impl Archive {
    pub(super) fn open(path: &Path, inputs: &[InputSpec]) -> Result<Self, SampleError> {
        let arrays = npz::open(path).map_err(|problem| unreadable(path, problem))?;
        let file = path.display().to_string();
        spec::check_names(&file, inputs, &arrays.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>())?;
        let rule = rule(&file, inputs, &arrays)?;
        let name = path.file_name().map_or_else(|| file.clone(), |n| n.to_string_lossy().into_owned());
        Ok(Self { file, name, arrays, rule })
    }

    pub(super) fn samples(&self) -> usize {
        match self.rule {
            Rule::OwnAxis(n, _) | Rule::Batch(n) => n as usize,
            Rule::Whole => 1,
        }
    }

    pub(super) fn rule(&self) -> String {
        match &self.rule {
            Rule::OwnAxis(n, own) => {
                let named = |wanted: bool| {
                    let all: Vec<String> =
                        self.arrays.iter().zip(own).filter(|(_, own)| **own == wanted).map(|((n, _), _)| format!("`{n}`")).collect();
                    all.join(", ")
                };
                let rest = if own.contains(&false) { format!("; {} goes into each as it is", named(false)) } else { String::new() };
                format!("{} holds {n} samples, along a first axis that {} has beside those of its input{rest}", self.name, named(true))
            }
            Rule::Batch(n) => format!("{} holds {n} samples, along the first axis of its arrays; each is run as a batch of 1", self.name),
            Rule::Whole => format!("{} is one run, taken as it is", self.name),
        }
    }

    pub(super) fn name(&self, index: usize) -> String {
        match self.rule {
            Rule::OwnAxis(..) | Rule::Batch(_) => format!("{}[{index}]", self.name),
            Rule::Whole => self.name.clone(),
        }
    }

    pub(super) fn load(&self, index: usize) -> Result<Feeds, SampleError> {
        let index = index as u64;
        let tensor = |k: usize, stored: &Stored| match &self.rule {
            Rule::OwnAxis(_, own) if own[k] => stored.rows(index, 1, stored.header.dims[1..].to_vec()),
            Rule::Batch(_) => stored.rows(index, 1, [&[1], &stored.header.dims[1..]].concat()),
            Rule::OwnAxis(..) | Rule::Whole => stored.whole(),
        };
        let fault = |problem| SampleError::Unreadable { file: self.file.clone(), problem };
        self.arrays.iter().enumerate().map(|(k, (name, stored))| Ok((name.clone(), tensor(k, stored).map_err(fault)?))).collect()
    }
}

fn rule(file: &str, inputs: &[InputSpec], arrays: &[(String, Stored)]) -> Result<Rule, SampleError> {
    let input = |name: &str| inputs.iter().find(|i| i.name == name);
    let own: Vec<bool> =
        arrays.iter().map(|(name, a)| input(name).and_then(InputSpec::rank).is_some_and(|rank| a.header.dims.len() == rank + 1)).collect();
    let first = |a: &Stored| a.header.dims.first().copied();
    if own.contains(&true) {
        let mut lengths = arrays.iter().zip(&own).filter(|(_, own)| **own).map(|((name, a), _)| (name, first(a).unwrap_or(0)));
        let (_, length) = lengths.next().unwrap_or((&arrays[0].0, 0));
        return match lengths.find(|(_, n)| *n != length) {
            Some((name, n)) => Err(SampleError::Unfit {
                file: file.into(),
                input: name.clone(),
                problem: format!("has {n} samples along its first axis, and another has {length}"),
                wants: spec::wants(inputs),
            }),
            None => Ok(Rule::OwnAxis(length, own)),
        };
    }
    let batch = arrays.first().and_then(|(_, a)| first(a)).filter(|n| *n > 1);
    let fits = |input: &InputSpec, a: &Stored| input.has_batch() && input.rank() == Some(a.header.dims.len());
    let shared = |n: u64| arrays.iter().all(|(name, a)| first(a) == Some(n) && input(name).is_some_and(|i| fits(i, a)));
    Ok(batch.filter(|n| shared(*n)).map_or(Rule::Whole, Rule::Batch))
}
