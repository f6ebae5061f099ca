//! Compiles `onnx.proto` with prost through protox, and derives the table of known fields from the same descriptor.
use prost_types::field_descriptor_proto::Type;
use std::fmt::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=onnx.proto");
    let descriptors = protox::compile(["onnx.proto"], ["."])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);

    let mut messages = Vec::new();
    for file in &descriptors.file {
        for message in &file.message_type {
            collect(&format!(".{}", file.package()), message, &mut messages);
        }
    }
    let index = |name: &str| messages.iter().position(|(full, _)| full == name);
    let mut table = String::from("pub(crate) static MESSAGES: &[Message] = &[\n");
    for (full, message) in &messages {
        let mut fields = message.field.clone();
        fields.sort_by_key(|f| f.number());
        writeln!(table, "Message {{ name: {:?}, fields: &[", full.rsplit('.').next().unwrap_or(full))?;
        for field in &fields {
            let kind = match field.r#type() {
                Type::Message => format!("Kind::Message({})", index(field.type_name()).ok_or("unknown message type")?),
                Type::String => "Kind::Text".into(),
                Type::Bytes => "Kind::Bytes".into(),
                Type::Float => "Kind::Fixed32".into(),
                Type::Double => "Kind::Fixed64".into(),
                _ => "Kind::Varint".into(),
            };
            writeln!(table, "Field {{ number: {}, name: {:?}, kind: {kind} }},", field.number(), field.name())?;
        }
        table.push_str("] },\n");
    }
    table.push_str("];\n");
    let root = index(".onnx.ModelProto").ok_or("no ModelProto")?;
    writeln!(table, "pub(crate) const MODEL: usize = {root};")?;
    std::fs::write(out.join("fields.rs"), table)?;

    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    config.compile_fds(descriptors)?;
    Ok(())
}

fn collect(prefix: &str, message: &prost_types::DescriptorProto, into: &mut Vec<(String, prost_types::DescriptorProto)>) {
    let full = format!("{prefix}.{}", message.name());
    for nested in &message.nested_type {
        collect(&full, nested, into);
    }
    into.push((full, message.clone()));
}
