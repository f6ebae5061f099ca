//! Where results go, and what is never lost.

use crate::support::{SMALL, files, model, shrinx};
use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

fn small() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("in.onnx"), folder.path().join("out.onnx"));
    std::fs::write(&source, model(SMALL)).unwrap();
    (folder, source, out)
}

#[test]
fn an_existing_file_is_kept_unless_forced() {
    let (_folder, source, out) = small();
    std::fs::write(&out, "precious").unwrap();
    let optimize = |extra: &[&str]| shrinx(["optimize", source.to_str().unwrap(), "-o", out.to_str().unwrap()].iter().chain(extra));
    optimize(&[]).refused("E0603");
    assert_eq!(std::fs::read(&out).unwrap(), b"precious");
    optimize(&["--force"]).fine();
    assert!(shrinx(["info".as_ref(), out.as_path()]).code == 0);
}

#[test]
fn the_input_is_replaced_only_in_place() {
    let (folder, source, _) = small();
    let before = std::fs::read(&source).unwrap();
    shrinx(["optimize".as_ref(), source.as_path(), "-o".as_ref(), &source, "--force".as_ref()]).refused("E0603");
    assert_eq!(std::fs::read(&source).unwrap(), before);
    shrinx(["optimize".as_ref(), source.as_path(), "--in-place".as_ref()]).fine();
    assert!(std::fs::read(&source).unwrap().len() < before.len());
    assert_eq!(files(folder.path()), ["in.onnx"]);
}

#[test]
fn files_have_ordinary_permissions() {
    let (_folder, source, out) = small();
    let command = format!("umask 027; {} optimize {} -o {}", env!("CARGO_BIN_EXE_shrinx"), source.display(), out.display());
    assert!(Command::new("sh").args(["-c", &command]).stderr(Stdio::null()).status().unwrap().success());
    assert_eq!(out.metadata().unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn models_go_through_pipes() {
    let (_folder, source, out) = small();
    shrinx(["optimize".as_ref(), source.as_path(), "-o".as_ref(), &out]).fine();
    let mut child = Command::new(env!("CARGO_BIN_EXE_shrinx"))
        .args(["optimize", "-", "-o", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(&source).unwrap()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, std::fs::read(&out).unwrap());
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let (_folder, source, _) = small();
    shrinx(["optimize".as_ref(), source.as_path(), "-o".as_ref(), "/proc/none/out.onnx".as_ref()]).refused("E0201");
    shrinx(["optimize".as_ref(), source.as_path(), "-o".as_ref(), "/tmp".as_ref()]).refused("E0603");
}

#[test]
fn devices_and_named_pipes_are_written_to_and_stay() {
    use std::os::unix::fs::FileTypeExt;
    let (folder, source, out) = small();
    let optimize = |to: &str, extra: &[&str]| shrinx(["optimize", source.to_str().unwrap(), "-o", to].iter().chain(extra));
    optimize(out.to_str().unwrap(), &[]).fine();
    for force in [&[][..], &["--force"], &["--force", "--external-data", "always"]] {
        optimize("/dev/null", force).fine();
    }
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    assert!(!std::path::Path::new("/dev/null.data").exists());
    if std::path::Path::new("/dev/full").exists() {
        optimize("/dev/full", &["--force"]).refused("E0201");
    }
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (reads, from) = (pipe.clone(), std::fs::read(&out).unwrap());
    let reader = std::thread::spawn(move || std::fs::read(reads).unwrap());
    optimize(pipe.to_str().unwrap(), &["--force"]).fine();
    assert_eq!(reader.join().unwrap(), from);
    assert!(pipe.metadata().unwrap().file_type().is_fifo());

    let socket = folder.path().join("socket");
    let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    optimize(socket.to_str().unwrap(), &["--force"]).refused("E0206");
    assert!(socket.metadata().unwrap().file_type().is_socket());
    assert_eq!(files(folder.path()), ["in.onnx", "out.onnx", "pipe", "socket"]);
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let (folder, _, _) = small();
    let large = folder.path().join("large.onnx");
    let weights = "0,".repeat(4095) + "0";
    let text = format!("g (float[N,4096] x) => (float[N,4096] y) <float[4096] b = {{{weights}}}> {{ t = Mul(x, b) y = Relu(t) }}");
    std::fs::write(&large, model(&text)).unwrap();
    // A limit on the size of files stands for the full disk: the same call fails in the same place.
    let out = folder.path().join("out.onnx");
    let command = format!("ulimit -f 8; trap '' XFSZ; {} optimize {} -o {}", env!("CARGO_BIN_EXE_shrinx"), large.display(), out.display());
    let run = crate::support::Run::of(&Command::new("bash").args(["-c", &command]).output().unwrap());
    run.refused("E0201");
    assert_eq!(files(folder.path()), ["in.onnx", "large.onnx"]);
}
