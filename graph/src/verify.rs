//! Checks that a graph keeps the promises every pass relies on.
