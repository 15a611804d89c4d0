//! The IMPS server: an engine without I/O, its store, its HTTP edge.
