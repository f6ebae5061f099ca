//! Raises the opset of a model: `upgrade IN OUT VERSION`.

use shrinx_ir::{ReadOptions, WriteOptions, read_file, write_file};
use shrinx_ops::{Facts, OpTable, upgrade};
use std::{error::Error, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, version] = arguments.as_slice() else {
        eprintln!("usage: upgrade IN OUT VERSION");
        return ExitCode::from(2);
    };
    match raise(Path::new(input), Path::new(output), version) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn raise(input: &Path, output: &Path, version: &str) -> Result<(), Box<dyn Error>> {
    let mut model = read_file(input, &ReadOptions::default())?;
    let ops = OpTable::standard();
    let facts = Facts::infer(&model, &ops);
    upgrade(&mut model, &ops, &facts, version.parse()?)?;
    write_file(&model, output, &WriteOptions::default())?;
    Ok(())
}
