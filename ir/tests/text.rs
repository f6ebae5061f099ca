//! Real models come back from their text as they went in, weights aside.

use shrinx_ir::{ReadOptions, read_file, text};

#[test]
fn fixtures_print_as_they_read() {
    let paths: Vec<_> = std::fs::read_dir("../fixtures/models").unwrap().map(|entry| entry.unwrap().path()).collect();
    let models = paths.iter().filter(|p| p.extension().is_some_and(|e| e == "onnx"));
    for path in models {
        let model = read_file(path, &ReadOptions::default()).unwrap();
        let printed = text::print(&model);
        let again = text::parse(&printed).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(text::print(&again), printed, "{}", path.display());
        assert_eq!(again.nodes().count(), model.nodes().count());
    }
    assert!(!paths.is_empty());
}
