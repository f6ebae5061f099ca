//! `shrinx optimize`.

use super::{
    args::{Format, Optimize},
    error::CliError,
    input, print, runtime, target,
};
use crate::{Pipeline, PipelineOptions, Verify, recipe::Recipe};
use shrinx_rewrite::{
    Registry,
    ir::{
        WriteOptions, to_stream,
        write::{is_stream, write_file},
    },
};
use std::path::Path;

pub(super) fn run(registry: &Registry, arguments: &Optimize, verbosity: Option<u8>) -> Result<u8, CliError> {
    let recipe = settings(arguments)?;
    let target = checked_target(arguments)?;
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
    if let Some(path) = &arguments.save_recipe {
        save(&recipe, path, arguments.force)?;
    }
    let model = input::read(&arguments.input, &arguments.reading)?;
    let external: u64 = model.external_bytes();
    let before = input::file_bytes(&arguments.input).map(|n| n + external);
    let mut outcome = pipeline.run(model);
    if let Some(path) = target {
        let written = if is_stdout(path) {
            to_stream(&outcome.model, &mut std::io::stdout().lock())?
        } else {
            let overwrite = arguments.force || arguments.in_place;
            write_file(&outcome.model, path, &WriteOptions { external_data: arguments.external_data.into(), overwrite })?
        };
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
fn checked_target(arguments: &Optimize) -> Result<Option<&Path>, CliError> {
    let (source, path) = match (&arguments.output, arguments.in_place) {
        _ if arguments.dry_run => return Ok(None),
        (Some(path), _) => (&arguments.input, path),
        (None, _) => (&arguments.input, &arguments.input),
    };
    if is_stdout(path) {
        return match (arguments.in_place, arguments.format) {
            (true, _) => Err(CliError::usage("stdin cannot be replaced", "drop --in-place, and give -o")),
            (_, Format::Json) => Err(CliError::usage("model and report cannot both go to stdout", "give a file to -o")),
            (false, Format::Human) => Ok(Some(path)),
        };
    }
    if !arguments.in_place && input::same_file(source, path) {
        return Err(CliError::usage(format!("{} is the input itself", path.display()), "pass --in-place to replace it"));
    }
    target::check(path, arguments.in_place || arguments.force || is_stream(path), &[])?;
    Ok(Some(path))
}

/// Whether a path stands for stdout; by its other name, a file that stdout goes to would be replaced, not written.
fn is_stdout(path: &Path) -> bool {
    input::is_stream(path) || path == Path::new("/dev/stdout")
}

fn save(recipe: &Recipe, path: &Path, overwrite: bool) -> Result<(), CliError> {
    if !overwrite && path.exists() {
        return Err(CliError::usage(format!("{} exists already", path.display()), "choose another name, or pass --force to replace it"));
    }
    std::fs::write(path, recipe.to_toml())
        .map_err(|e| CliError::usage(format!("{}: {e}", path.display()), "check the path of --save-recipe"))
}
