//! The other end: a client engine, conversation scripts, an HTTP edge.
