//! Makes Rust types of the API's messages.

const SERVICE: &str = "google/apps/events/subscriptions/v1/subscriptions_service.proto";
/// The API's own protos, and those that they import.
const FOLDERS: [&str; 2] = ["protos", "../../crates/api/proto"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for folder in FOLDERS {
        println!("cargo:rerun-if-changed={folder}");
    }
    // With their names, the worker can put messages into an `Any`.
    tonic_prost_build::Config::new()
        .enable_type_names()
        .compile_fds(protox::compile([SERVICE], FOLDERS)?)?;
    Ok(())
}
