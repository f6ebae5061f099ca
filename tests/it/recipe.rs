//! Recipes.

use crate::support::{SMALL, model, shrinx};

#[test]
fn a_saved_recipe_does_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    std::fs::write(at("in.onnx"), model(SMALL)).unwrap();
    let arguments = ["--skip", "eliminate-identity", "--save-recipe", &at("r.toml"), "-o", &at("a.onnx")].map(String::from);
    shrinx(["optimize".to_string(), at("in.onnx")].into_iter().chain(arguments)).fine();
    assert_eq!(std::fs::read_to_string(at("r.toml")).unwrap(), "skip = [\"eliminate-identity\"]\n");
    shrinx(["optimize", &at("in.onnx"), "--recipe", &at("r.toml"), "-o", &at("b.onnx")]).fine();
    assert_eq!(std::fs::read(at("a.onnx")).unwrap(), std::fs::read(at("b.onnx")).unwrap());
}

#[test]
fn unknown_keys_are_errors_with_the_nearest_key() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("r.toml");
    let source = folder.path().join("in.onnx");
    std::fs::write(&source, model(SMALL)).unwrap();
    for (text, said) in
        [("opt-levle = 1", "did you mean `opt-level`?"), ("verify = \"never\"", "never"), ("= 1", "TOML"), ("opt-level = 9", "above 2")]
    {
        std::fs::write(&recipe, text).unwrap();
        let run = shrinx(["optimize".as_ref(), source.as_path(), "--recipe".as_ref(), &recipe, "--dry-run".as_ref()]);
        assert!(run.code == 2 && run.stderr.contains(said), "{text}: {}", run.stderr);
    }
}
