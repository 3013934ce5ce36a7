//! What debug mode prints as a reproducer compiles and runs as it is: the text is that of a unit test of `exec/src/debug/reproducer.rs`.

include!("reproduces/printed.in");
