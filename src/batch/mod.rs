//! Campaigns: one profile, many handsets, no lost and no doubled row.
