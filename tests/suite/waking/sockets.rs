//! The ways over the loopback address.
