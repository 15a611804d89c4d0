//! Looking at things: peeling a blob layer by layer.
