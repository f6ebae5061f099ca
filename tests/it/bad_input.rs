//! Whatever is wrong with a file: one coded error, exit code 2, nothing written.

use crate::support::{SMALL, files, fixture, model, root, shrinx};

/// Optimizing `bytes` is refused with `code`, and leaves no output.
#[track_caller]
fn refused(bytes: &[u8], code: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("in.onnx");
    std::fs::write(&source, bytes).unwrap();
    let run = shrinx(["optimize".as_ref(), source.as_path(), "-o".as_ref(), &folder.path().join("out.onnx")]).refused(code);
    assert_eq!(files(folder.path()), ["in.onnx"]);
    run.stderr
}

#[test]
fn files_that_are_no_models() {
    refused(b"", "E0102");
    refused(b"hello world, not a model\n", "E0104");
    refused(b"\x08\x08", "E0102");
    let missing = shrinx(["optimize", "none.onnx", "-o", "/tmp/none-out.onnx"]).refused("E0101");
    assert!(missing.stderr.contains("none.onnx"), "{}", missing.stderr);
    shrinx(["info".as_ref(), root().as_path()]).refused("E0101");
}

#[test]
fn cuts_anywhere() {
    let small = model(SMALL);
    for length in 1..small.len() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("in.onnx");
        std::fs::write(&source, &small[..length]).unwrap();
        assert!(shrinx::read_file(&source, &shrinx::ReadOptions::default()).is_err(), "cut at {length}");
    }
    let said = refused(&std::fs::read(fixture("ppocr_cls.onnx")).unwrap()[..300_000], "E0103");
    assert!(said.contains("graph[0].node["), "{said}");
}

#[test]
fn graphs_that_are_none() {
    let sound = |text: &str| model(&format!("g (float[N] x) => (float[N] y) {{ {text} }}"));
    let rename = |bytes: &[u8], from: &str, to: &str| {
        let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
        [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
    };
    let two = sound("aaaa = Relu(x) bbbb = Relu(aaaa) y = Relu(bbbb)");
    assert!(refused(&rename(&two, "aaaa", "cccc"), "E0110").contains("reads `aaaa`, which nothing makes"));
    // The first occurrence of `bbbb` is where it is made.
    let said = refused(&rename(&two, "bbbb", "aaaa"), "E0110");
    assert!(said.contains("two values") && said.contains("`aaaa`"), "{said}");
}

#[test]
fn cycles() {
    let looped = "g (float[N] x) => (float[N] y) { a = Add(x, b) b = Relu(a) y = Relu(b) }";
    assert!(shrinx::ir::text::parse(looped).is_err());
}

#[test]
fn tensors_that_lie() {
    // Field 1 of a TensorProto is its dims: claim 5 elements, then an absurd number, where 4 are stored.
    let small = model(SMALL);
    let at = small.windows(4).position(|w| w == [0x08, 4, 0x10, 1]).unwrap();
    let mut more = small.clone();
    more[at + 1] = 5;
    let said = refused(&more, "E0108");
    assert!(said.contains("initializer `b`"), "{said}");
    let mut unknown = small.clone();
    unknown[at + 3] = 99;
    refused(&unknown, "E0107");
}

#[test]
fn nesting_to_the_limit() {
    let mut text = String::from("y = Relu(x)");
    for _ in 0..40 {
        text = format!("y = If <then_branch = t () => (y) {{ {text} }}, else_branch = e () => (y) {{ y = Relu(x) }}> (c)");
    }
    let source = format!("g (bool c, float[N] x) => (float[N] y) {{ {text} }}");
    // Too deep either for the text, or for the file: an error, never a crash.
    let outcome = shrinx::ir::text::parse(&source).ok().and_then(|m| shrinx::to_bytes(&m).ok()).map(shrinx::read_bytes);
    assert!(!matches!(outcome, Some(Ok(_))));
}
