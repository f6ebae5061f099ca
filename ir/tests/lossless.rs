//! Reading and writing an untouched model gives back its bytes.

use shrinx_ir::{Bytes, read_bytes, to_bytes};

#[test]
fn fixtures_come_back_byte_for_byte() {
    let mut count = 0;
    for entry in std::fs::read_dir("../fixtures/models").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "onnx") {
            let bytes = Bytes::from(std::fs::read(&path).unwrap());
            let model = read_bytes(bytes.clone()).unwrap();
            assert_eq!(shrinx_ir::verify::verify(&model), vec![], "{}", path.display());
            assert!(to_bytes(&model).unwrap() == bytes, "{} differs", path.display());
            count += 1;
        }
    }
    assert!(count > 0);
}
