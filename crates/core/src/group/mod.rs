//! Consumer groups: the classic membership, its wire forms and the assignors.

pub mod assignor;
