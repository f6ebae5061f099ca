//! External data: carried along, never believed.

use crate::support::{files, shrinx};
use shrinx::ir::{ExternalData, WriteOptions, read_file, text, write_file};
use std::path::Path;

/// A model whose weight lies in a file beside it.
fn outside(folder: &Path) -> std::path::PathBuf {
    let weights = (0..1024).map(|k| k.to_string()).collect::<Vec<_>>().join(",");
    let source = format!("g (float[N,1024] x) => (float[N,1024] y) <float[1024] w = {{{weights}}}> {{ i = Identity(x) y = Add(i, w) }}");
    let path = folder.join("m.onnx");
    let options = WriteOptions { external_data: ExternalData::Always, overwrite: false };
    write_file(&text::parse(&source).unwrap(), &path, &options).unwrap();
    path
}

#[test]
fn data_is_rehomed_beside_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let source = outside(folder.path());
    assert_eq!(files(folder.path()), ["m.onnx", "m.onnx.data"]);
    let other = tempfile::tempdir().unwrap();
    let out = other.path().join("n.onnx");
    shrinx(["optimize".as_ref(), source.as_path(), "-o".as_ref(), &out]).fine();
    assert_eq!(files(other.path()), ["n.onnx", "n.onnx.data"]);
    // The output stands on its own.
    drop(folder);
    let model = read_file(&out, &shrinx::ReadOptions::default()).unwrap();
    let weight = model.values().find_map(|v| model.constant(v)).unwrap();
    assert_eq!(weight.as_f32().unwrap()[1023], 1023.0);
    shrinx([
        "optimize".as_ref(),
        out.as_path(),
        "-o".as_ref(),
        &other.path().join("inline.onnx"),
        "--external-data".as_ref(),
        "never".as_ref(),
    ])
    .fine();
    assert_eq!(files(other.path()), ["inline.onnx", "n.onnx", "n.onnx.data"]);
}

#[test]
fn in_place_leaves_the_data_that_the_old_model_names() {
    let folder = tempfile::tempdir().unwrap();
    let source = outside(folder.path());
    let data = std::fs::read(folder.path().join("m.onnx.data")).unwrap();
    shrinx(["optimize".as_ref(), source.as_path(), "--in-place".as_ref()]).fine();
    assert_eq!(files(folder.path()), ["m.onnx", "m.onnx.1.data", "m.onnx.data"]);
    assert_eq!(std::fs::read(folder.path().join("m.onnx.data")).unwrap(), data);
    shrinx(["info".as_ref(), source.as_path()]).fine();
}

#[test]
fn links_out_of_the_folder_need_leave() {
    let folder = tempfile::tempdir().unwrap();
    let source = outside(folder.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let data = elsewhere.path().join("weights");
    std::fs::rename(folder.path().join("m.onnx.data"), &data).unwrap();
    std::os::unix::fs::symlink(&data, folder.path().join("m.onnx.data")).unwrap();
    let run = shrinx(["info".as_ref(), source.as_path()]).refused("E0120");
    assert!(run.stderr.contains("symbolic link") && run.stderr.contains("--allow-dir"), "{}", run.stderr);
    shrinx(["info".as_ref(), source.as_path(), "--allow-dir".as_ref(), elsewhere.path()]).fine();
}

#[test]
fn data_that_is_too_short_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = outside(folder.path());
    std::fs::write(folder.path().join("m.onnx.data"), [0; 100]).unwrap();
    shrinx(["info".as_ref(), source.as_path()]).refused("E0120");
}
