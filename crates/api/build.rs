//! Compiles `proto/` with protox, so that no protoc is needed anywhere.

use std::path::PathBuf;

const FILES: [&str; 11] = [
    "google/api/annotations.proto",
    "google/api/client.proto",
    "google/api/field_behavior.proto",
    "google/api/field_info.proto",
    "google/api/http.proto",
    "google/api/resource.proto",
    "google/longrunning/operations.proto",
    "google/rpc/code.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
    "longrun/v1/backend.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    // Not from `file_descriptor_set`: the custom options would be lost on the way.
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    // With their names, workers can put an error's details into an `Any`.
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
