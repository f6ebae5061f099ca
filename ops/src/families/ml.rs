//! Classical machine learning (domain `ai.onnx.ml`): without effects, and with outputs that are left unknown.

use crate::{OpSpec, infer::unknown};

pub(crate) const ROWS: &[OpSpec] = &[
    ml("ArrayFeatureExtractor"),
    ml("Binarizer"),
    ml("CastMap"),
    ml("CategoryMapper"),
    ml("DictVectorizer"),
    ml("FeatureVectorizer"),
    ml("Imputer"),
    ml("LabelEncoder"),
    ml("LinearClassifier"),
    ml("LinearRegressor"),
    ml("Normalizer"),
    ml("OneHotEncoder"),
    ml("SVMClassifier"),
    ml("SVMRegressor"),
    ml("Scaler"),
    ml("TreeEnsemble"),
    ml("TreeEnsembleClassifier"),
    ml("TreeEnsembleRegressor"),
    ml("ZipMap"),
];

const fn ml(op: &'static str) -> OpSpec {
    OpSpec { domain: "ai.onnx.ml", ..OpSpec::new(op, unknown) }
}
