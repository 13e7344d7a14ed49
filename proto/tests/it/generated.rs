//! The checked-in Rust is what the `.proto` files say.

use std::path::Path;

/// Set to `1`, the test writes the file instead of comparing it.
const UPDATE_VARIABLE: &str = "UPDATE_PROTO";

const FILES: [&str; 3] = [
    "tomori/events/v1/events.proto",
    "tomori/events/v1/interactions.proto",
    "tomori/events/v1/letters.proto",
];

fn generate(into: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let descriptors = protox::compile(FILES, [&root]).expect("the .proto files compile");
    prost_build::Config::new()
        .out_dir(into)
        .skip_debug([
            ".tomori.events.v1.Envelope",
            ".tomori.events.v1.Message",
            ".tomori.events.v1.Interaction",
        ])
        .compile_fds(descriptors)
        .expect("code is generated");
    std::fs::read_to_string(into.join("tomori.events.v1.rs")).unwrap()
}

#[test]
fn checked_in_code_is_what_the_proto_files_say() {
    let into = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    std::fs::create_dir_all(&into).unwrap();
    let fresh = generate(&into);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gen/tomori.events.v1.rs");
    if std::env::vars().any(|(name, value)| name == UPDATE_VARIABLE && value == "1") {
        std::fs::write(&path, fresh).unwrap();
        return;
    }
    let checked_in = std::fs::read_to_string(&path).unwrap();
    assert!(
        fresh == checked_in,
        "run `UPDATE_PROTO=1 cargo nextest run -p proto generated`"
    );
}
