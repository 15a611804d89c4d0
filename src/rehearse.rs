//! From profile to logged-in client, without a handset.
