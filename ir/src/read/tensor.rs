//! Tensors: one data field, of the length that type and dims ask for.

use super::{ReadFault, Reader, metadata, types};
use crate::{
    dtype::DataType,
    tensor::{External, Sparse, Tensor, TensorData, fits},
};
use shrinx_proto::onnx::{SparseTensorProto, TensorProto};
use std::sync::Arc;

impl Reader<'_> {
    pub(super) fn tensor(&mut self, proto: TensorProto, place: &str) -> Result<Tensor, ReadFault> {
        let wrong = |problem: String| ReadFault::Tensor { place: place.into(), problem };
        let dtype = types::data_type(proto.data_type.unwrap_or(0), place)?;
        if dtype == DataType::Undefined {
            return Err(ReadFault::UnknownType { place: place.into(), code: 0 });
        }
        if proto.segment.is_some() {
            return Err(wrong("segmented tensors are not supported".into()));
        }
        let dims = dims(&proto.dims).ok_or_else(|| wrong(format!("its shape {:?} is negative or too large", proto.dims)))?;
        let count: u64 = dims.iter().product();
        let bytes = dtype.bytes_for(count).ok_or_else(|| wrong(format!("its shape {dims:?} is too large")))?;

        let external = proto.data_location == Some(1);
        let present = [
            (proto.raw_data.is_some(), "raw_data"),
            (!proto.float_data.is_empty(), "float_data"),
            (!proto.int32_data.is_empty(), "int32_data"),
            (!proto.int64_data.is_empty(), "int64_data"),
            (!proto.double_data.is_empty(), "double_data"),
            (!proto.uint64_data.is_empty(), "uint64_data"),
            (!proto.string_data.is_empty(), "string_data"),
            (external || !proto.external_data.is_empty(), "external_data"),
        ];
        let fields: Vec<&str> = present.iter().filter(|(there, _)| *there).map(|(_, name)| *name).collect();
        let [field] = fields.as_slice() else {
            if fields.is_empty() && count == 0 {
                return Ok(finish(proto, dtype, dims, TensorData::Empty));
            }
            return Err(wrong(if fields.is_empty() {
                format!("it has {count} elements and no data")
            } else {
                format!("it has data in {}", fields.join(" and "))
            }));
        };
        if external != (*field == "external_data") {
            return Err(wrong("external_data and data_location disagree".into()));
        }
        let (have, need, data) = match *field {
            "raw_data" => {
                (proto.raw_data.as_ref().map_or(0, |r| r.len() as u64), bytes, TensorData::Raw(proto.raw_data.clone().unwrap_or_default()))
            }
            "external_data" => {
                let entries = metadata(proto.external_data.clone());
                let resolved = self.files.resolve(&entries, bytes).map_err(|source| ReadFault::External { place: place.into(), source })?;
                (bytes, bytes, TensorData::External(External { bytes: resolved, entries }))
            }
            "float_data" => typed(&proto.float_data, count * if dtype == DataType::Complex64 { 2 } else { 1 }, TensorData::Floats),
            "double_data" => typed(&proto.double_data, count * if dtype == DataType::Complex128 { 2 } else { 1 }, TensorData::Doubles),
            "int32_data" => typed(&proto.int32_data, if matches!(dtype.bits(), 2 | 4) { bytes } else { count }, TensorData::Int32s),
            "int64_data" => typed(&proto.int64_data, count, TensorData::Int64s),
            "uint64_data" => typed(&proto.uint64_data, count, TensorData::Uint64s),
            _ => (proto.string_data.len() as u64, count, TensorData::Strings(Arc::new(proto.string_data.clone()))),
        };
        if field_of(dtype) != *field && !(matches!(*field, "raw_data" | "external_data") && dtype != DataType::String) {
            return Err(wrong(format!("its {dtype} elements are in {field}")));
        }
        if have != need {
            return Err(wrong(format!(
                "shape {dims:?} of {dtype} needs {need} {}, and {field} holds {have}",
                if *field == "raw_data" { "bytes" } else { "entries" }
            )));
        }
        Ok(finish(proto, dtype, dims, data))
    }

    pub(super) fn sparse(&mut self, proto: SparseTensorProto, place: &str) -> Result<Tensor, ReadFault> {
        let wrong = |problem: &str| ReadFault::Tensor { place: place.into(), problem: problem.into() };
        let dims = dims(&proto.dims).ok_or_else(|| wrong("its shape is negative or too large"))?;
        let values = self.tensor(proto.values.ok_or_else(|| wrong("a sparse tensor without values"))?, place)?;
        let indices = proto.indices.map(|t| self.tensor(t, place)).transpose()?;
        let dtype = values.dtype;
        let data = TensorData::Sparse(Box::new(Sparse { values, indices }));
        Ok(Tensor { data, ..Tensor::raw(dtype, dims, Vec::new()) })
    }
}

/// The lengths, none of them negative, whose product fits in memory.
fn dims(all: &[i64]) -> Option<Vec<u64>> {
    let dims: Option<Vec<u64>> = all.iter().map(|d| u64::try_from(*d).ok()).collect();
    dims.filter(|d| fits(d))
}

fn typed<T: Clone>(all: &[T], need: u64, make: fn(Arc<Vec<T>>) -> TensorData) -> (u64, u64, TensorData) {
    (all.len() as u64, need, make(Arc::new(all.to_vec())))
}

/// The typed field that holds elements of a type (`TensorProto`, comments).
pub(crate) fn field_of(dtype: DataType) -> &'static str {
    match dtype {
        DataType::Float | DataType::Complex64 => "float_data",
        DataType::Double | DataType::Complex128 => "double_data",
        DataType::Int64 => "int64_data",
        DataType::Uint32 | DataType::Uint64 => "uint64_data",
        DataType::String => "string_data",
        DataType::Undefined => "",
        DataType::Uint8
        | DataType::Int8
        | DataType::Uint16
        | DataType::Int16
        | DataType::Int32
        | DataType::Bool
        | DataType::Float16
        | DataType::Bfloat16
        | DataType::Float8E4M3Fn
        | DataType::Float8E4M3Fnuz
        | DataType::Float8E5M2
        | DataType::Float8E5M2Fnuz
        | DataType::Uint4
        | DataType::Int4
        | DataType::Float4E2M1
        | DataType::Float8E8M0
        | DataType::Uint2
        | DataType::Int2
        | DataType::Float6E2M3
        | DataType::Float6E3M2 => "int32_data",
    }
}

fn finish(proto: TensorProto, dtype: DataType, dims: Vec<u64>, data: TensorData) -> Tensor {
    Tensor {
        dtype,
        dims,
        data,
        name: proto.name,
        doc: proto.doc_string,
        metadata: metadata(proto.metadata_props),
        explicit_location: proto.data_location == Some(0),
    }
}

#[cfg(test)]
mod tests {
    use crate::{DataType, Header, Model, Opset, Tensor, TensorData, read_bytes, to_bytes};
    use std::sync::Arc;

    #[test]
    fn six_bit_floats_take_an_entry_each_and_four_bit_ones_half() {
        for (dtype, entries, fine) in [
            (DataType::Float6E2M3, 3, true),
            (DataType::Float6E3M2, 3, true),
            (DataType::Float6E2M3, 2, false),
            (DataType::Float4E2M1, 2, true),
            (DataType::Int4, 3, false),
            (DataType::Uint2, 1, true),
        ] {
            let mut model =
                Model::new(Header { ir_version: Some(14), opsets: vec![Opset { domain: None, version: Some(28) }], ..Header::default() });
            let tensor = Tensor { data: TensorData::Int32s(Arc::new(vec![1; entries])), ..Tensor::raw(dtype, [3], vec![]) };
            model.add_initializer(Model::MAIN, "w", tensor);
            let read = read_bytes(to_bytes(&model).unwrap());
            assert_eq!(read.is_ok(), fine, "{dtype}, {entries} entries: {:?}", read.err());
        }
    }
}
