//! Writes docs/book/rules.md, the list of all rules: `cargo run -p damo-testing --example rules_chapter`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let page = damo_testing::rules::chapter();
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/book/rules.md"), &page)?;
    print!("{page}");
    Ok(())
}
