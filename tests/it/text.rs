//! `text` and `diff`.

use crate::support::{FIXTURES, fixture, shrinx};

#[test]
fn a_text_is_small_and_reads_back_as_itself() {
    for name in FIXTURES {
        let text = shrinx(["text".as_ref(), fixture(name).as_path()]).fine().stdout;
        let brief = shrinx(["text".as_ref(), fixture(name).as_path(), "--brief".as_ref()]).fine().stdout;
        assert!(brief.len() < 40_000 && brief.lines().all(|l| l.len() < 500), "{name}: {} bytes", brief.len());
        let again = shrinx::ir::text::print(&shrinx::ir::text::parse(&text).unwrap());
        assert!(text == again, "{name} differs:\n{}", shrinx::rewrite::diff::lines(&text, &again, 1));
    }
    let cls = shrinx(["text".as_ref(), fixture("ppocr_cls.onnx").as_path()]).fine().stdout;
    assert!(cls.len() < 30_000, "{}", cls.len());
}

#[test]
fn a_diff_exits_as_diff_does() {
    let (a, b) = (fixture("fashion_resnet.onnx"), fixture("fashion_mbv.onnx"));
    let diff = |a: &std::path::Path, b: &std::path::Path| shrinx(["diff".as_ref(), a, b]);
    let same = diff(&a, &a);
    assert_eq!((same.code, same.stdout.as_str()), (0, ""));
    let other = diff(&a, &b);
    assert_eq!(other.code, 1);
    assert!(other.stdout.lines().any(|l| l.starts_with("- ")) && other.stdout.lines().any(|l| l.starts_with("+ ")));
    assert_eq!(diff(&a, "missing.onnx".as_ref()).code, 2);
}
