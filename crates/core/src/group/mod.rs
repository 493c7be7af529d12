//! Consumer groups: the classic membership, its wire forms and the assignors.

pub mod assignor;
pub mod membership;
pub mod protocol;
