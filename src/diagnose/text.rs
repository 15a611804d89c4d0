//! Rendering for people: an excerpt with carets, or rows of hexadecimal octets with carets.
