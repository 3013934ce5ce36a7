//! Damo.
