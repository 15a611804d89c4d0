//! Campaigns: one profile, many handsets, no row lost and none doubled unaccounted for.

pub mod campaign;
pub mod compose;
pub mod pipeline;
pub mod plan;
pub mod route;
pub mod run;
pub mod status;
pub mod store;
