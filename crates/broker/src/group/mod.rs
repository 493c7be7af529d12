//! The coordinator of classic consumer groups as a machine: inputs with `now`, replies polled out.
//!
//! It knows nothing of connections or messages: handlers translate requests into its inputs and
//! match replies by [`ReplyId`]. Committed offsets live here too; the driver writes them to disk.
//!
//! ```text
//!            join                    all joined, or rebalance timeout
//!  Empty ───────────▶ PreparingRebalance ───────────▶ CompletingRebalance
//!    ▲                      ▲      ▲                      │ leader syncs
//!    │ last member gone     │      └── member change ─────┤
//!    └──────────────────────┴───────────── Stable ◀───────┘
//! ```
//!
//! Invariants:
//! 1. A generation number never repeats in a group and never goes back.
//! 2. Every `ReplyId` that came in is answered exactly once.
//! 3. In `Stable` every member has had the chance to read its assignment of the same generation.

mod coordinator;
mod expire;
mod join;
mod leave;
mod member;
mod offsets;
mod rebalance;
mod settings;
mod state;
mod sync;

#[cfg(test)]
mod tests;

pub(crate) use coordinator::{GroupCoordinator, GroupReply, GroupSummary, ReplyId};
pub(crate) use join::{JoinInput, JoinReply, JoinedMember};
pub(crate) use leave::LeavingMember;
pub(crate) use offsets::CommittedOffset;
pub use settings::GroupSettings;
pub(crate) use state::{GroupState, MemberView};
pub(crate) use sync::{SyncInput, SyncReply};
