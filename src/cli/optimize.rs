//! `shrinx optimize`.

use super::{
    args::{Format, Optimize},
    error::CliError,
    input, print, runtime,
    target::Target,
};
use crate::{Pipeline, PipelineOptions, Verify, recipe::Recipe};
use shrinx_rewrite::Registry;

pub(super) fn run(registry: &Registry, arguments: &Optimize, verbosity: Option<u8>) -> Result<u8, CliError> {
    let recipe = settings(arguments)?;
    let target = target(arguments)?;
    let saved = match &arguments.save_recipe {
        Some(path) => Some(Target::new(path, arguments.force, &[&arguments.input])?.apart_from(target)?),
        None => None,
    };
    let verify = recipe.verify.unwrap_or(Verify::End);
    let runtime = if verify == Verify::Off { None } else { Some(runtime::chosen(&arguments.running)?) };
    let options = PipelineOptions {
        level: recipe.opt_level.unwrap_or(1),
        passes: recipe.pass.clone(),
        skip: recipe.skip.clone(),
        verify,
        runtime: runtime.as_deref(),
    };
    let pipeline = Pipeline::new(registry, &options)?;
    if let Some(saved) = saved {
        saved.write(recipe.to_toml().as_bytes())?;
    }
    let model = input::read(&arguments.input, &arguments.reading)?;
    let external: u64 = model.external_bytes();
    let before = input::file_bytes(&arguments.input).map(|n| n + external);
    let mut outcome = pipeline.run(model);
    if let Some(target) = target {
        let written = target.write_model(&outcome.model, arguments.external_data)?;
        outcome.report.file_bytes = before.map(|b| (b, written.model + written.external));
    }
    match (arguments.format, verbosity) {
        (Format::Json, _) => print(&format!("{}\n", serde_json::to_string_pretty(&outcome.report).unwrap_or_default()))?,
        (Format::Human, Some(verbosity)) => eprint!("{}", outcome.report.to_text(verbosity)),
        (Format::Human, None) => {}
    }
    // The process ends here: giving back a large graph piece by piece would take longer than the work itself.
    std::mem::forget(outcome.model);
    Ok(0)
}

/// The recipe, overridden by flags.
fn settings(arguments: &Optimize) -> Result<Recipe, CliError> {
    let mut recipe = match &arguments.recipe {
        Some(path) => Recipe::read(path)?,
        None => Recipe::default(),
    };
    recipe.opt_level = arguments.opt_level.or(recipe.opt_level);
    recipe.verify = arguments.verify.or(recipe.verify);
    if !arguments.pass.is_empty() {
        recipe.pass.clone_from(&arguments.pass);
    }
    recipe.skip.extend(arguments.skip.iter().cloned());
    if recipe.opt_level.is_some_and(|level| level > 2) {
        return Err(CliError::usage("the recipe's `opt-level` is above 2", "levels are 0, 1 and 2"));
    }
    Ok(recipe)
}

/// Where the result goes; checked before any work is done.
fn target(arguments: &Optimize) -> Result<Option<Target<'_>>, CliError> {
    let (source, in_place) = (&arguments.input, arguments.in_place);
    if arguments.dry_run {
        return Ok(None);
    }
    if in_place && input::is_stream(source) {
        return Err(CliError::usage("stdin cannot be replaced", "drop --in-place, and give -o"));
    }
    let path = arguments.output.as_ref().unwrap_or(source);
    if !in_place && !input::is_stream(path) && input::same_file(source, path) {
        return Err(CliError::usage(format!("{} is the input itself", path.display()), "pass --in-place to replace it"));
    }
    Ok(Some(Target::new(path, in_place || arguments.force, &[])?.beside_report(arguments.format == Format::Json)?))
}
