//! Writes `docs/book/debug_mode.md`, with every fault and what finds it: `cargo run -p damo-testing --example debug_chapter`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let page = damo_testing::faults::chapter();
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/book/debug_mode.md"), &page)?;
    print!("{page}");
    Ok(())
}
