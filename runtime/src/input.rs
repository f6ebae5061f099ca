//! Inputs of a main graph, and what may be fed to them.

use shrinx_ops::{
    Facts, Feeds, RuntimeError,
    ir::{DataType, Dim, Model, Tensor, ValueId},
};

/// An input of the main graph.
pub(crate) struct Input {
    pub(crate) name: String,
    dtype: Option<DataType>,
    shape: Option<Vec<Option<i64>>>,
    default: Option<Tensor>,
}

impl Input {
    pub(crate) fn of(model: &Model, facts: &Facts, value: ValueId) -> Self {
        let fact = facts.of(value);
        Self {
            name: model.name(value).to_string(),
            dtype: fact.dtype,
            shape: fact.shape.as_ref().map(|s| s.iter().map(Dim::known).collect()),
            default: model.value(value).initializer.clone(),
        }
    }

    /// The value fed to it, which must fit, or else its default.
    pub(crate) fn given<'a>(&'a self, feeds: &'a Feeds) -> Result<&'a Tensor, RuntimeError> {
        let tensor = feeds.get(&self.name).or(self.default.as_ref()).ok_or_else(|| self.bad("no value is given".into()))?;
        self.check(tensor).map_err(|reason| self.bad(reason))?;
        Ok(tensor)
    }

    /// What is wrong with its value, as an error.
    pub(crate) fn bad(&self, reason: String) -> RuntimeError {
        RuntimeError::BadFeed { input: self.name.clone(), reason }
    }

    fn check(&self, tensor: &Tensor) -> Result<(), String> {
        if let Some(dtype) = self.dtype.filter(|d| *d != tensor.dtype) {
            return Err(format!("its type is {dtype}, given is {}", tensor.dtype));
        }
        let Some(shape) = &self.shape else { return Ok(()) };
        let fits = shape.len() == tensor.rank() && shape.iter().zip(&tensor.dims).all(|(s, d)| s.is_none_or(|s| s as u64 == *d));
        if fits {
            return Ok(());
        }
        let lengths: Vec<String> = shape.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
        Err(format!("its shape is [{}], given is {:?}", lengths.join(", "), tensor.dims))
    }
}

/// Refuses feeds for which there is no input.
pub(crate) fn check_names<'a>(inputs: &(impl Iterator<Item = &'a Input> + Clone), feeds: &Feeds) -> Result<(), RuntimeError> {
    match feeds.iter().find(|(name, _)| inputs.clone().all(|i| i.name != *name)) {
        Some((name, _)) => Err(RuntimeError::BadFeed { input: name.into(), reason: "the model has no input of this name".into() }),
        None => Ok(()),
    }
}
