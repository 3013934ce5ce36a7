//! Writes docs/book/stability.md, the table naive, Theano, PyTensor, Damo: `cargo run -p damo-testing --example stability_table`.

use std::path::Path;

use damo::{Config, EngineChoice};
use damo_testing::rewrites::comparison;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let page = comparison(&Config { engine: EngineChoice::Portable, ..Config::default() })?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/book/stability.md");
    std::fs::create_dir_all(path.with_file_name(""))?;
    std::fs::write(&path, &page)?;
    print!("{page}");
    Ok(())
}
