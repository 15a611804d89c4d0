//! Rendering for programs.
