//! What a handset needs for IMPS, and how it is said: profiles, subscriber rows, accounts, templates.
