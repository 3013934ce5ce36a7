//! Eager-looking Rust becomes a tape: tensors, operators and the library of functions users write with.
