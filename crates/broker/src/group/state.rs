//! The state of one group and what can be asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use milena_wire::ByteString;

use super::member::{Member, Protocols};
use super::offsets::Offsets;

/// Where a group stands; the names are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupState {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    Dead,
}

impl GroupState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// When a rebalance stops waiting for members.
#[derive(Debug, Clone, Copy)]
pub(super) enum JoinPhase {
    /// The first rebalance of an empty group: ends at `until`, prolonged while members arrive.
    Initial { until: Instant, latest: Instant, member_added: bool },
    /// Every later one: ends at `until`, or as soon as every member has joined.
    Normal { until: Instant },
}

/// One group. Members are kept in the order of their ids, and `join_order` tells who came first.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) state: GroupState,
    pub(super) generation_id: i32,
    pub(super) protocol_type: Option<ByteString>,
    pub(super) protocol: Option<ByteString>,
    pub(super) leader: Option<ByteString>,
    pub(super) members: BTreeMap<ByteString, Member>,
    /// Member ids in the order in which they first joined.
    pub(super) join_order: Vec<ByteString>,
    pub(super) static_members: BTreeMap<ByteString, ByteString>,
    /// Member ids that were handed out (KIP-394) and have not come back, with their deadline.
    pub(super) pending_members: BTreeMap<ByteString, Instant>,
    pub(super) join_phase: Option<JoinPhase>,
    /// Until when members of the new generation have to sync.
    pub(super) sync_until: Option<Instant>,
    pub(super) offsets: Offsets,
}

/// One member as DescribeGroups shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberView {
    pub member_id: ByteString,
    pub group_instance_id: Option<ByteString>,
    pub client_id: ByteString,
    pub client_host: ByteString,
    pub metadata: Bytes,
    pub assignment: Bytes,
}

impl Group {
    pub(super) fn new() -> Self {
        Self {
            state: GroupState::Empty,
            generation_id: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            join_order: Vec::new(),
            static_members: BTreeMap::new(),
            pending_members: BTreeMap::new(),
            join_phase: None,
            sync_until: None,
            offsets: Offsets::default(),
        }
    }

    pub(super) fn add(&mut self, member: Member) {
        if let Some(instance) = &member.group_instance_id {
            self.static_members.insert(instance.clone(), member.member_id.clone());
        }
        if self.leader.is_none() {
            self.leader = Some(member.member_id.clone());
        }
        self.join_order.push(member.member_id.clone());
        self.members.insert(member.member_id.clone(), member);
    }

    pub(super) fn remove(&mut self, member_id: &str) -> Option<Member> {
        let member = self.members.remove(member_id)?;
        self.join_order.retain(|id| id != member_id);
        if let Some(instance) = &member.group_instance_id
            && self.static_members.get(instance).is_some_and(|id| id == member_id)
        {
            self.static_members.remove(instance);
        }
        if self.leader.as_deref() == Some(member_id) {
            self.leader = self.join_order.first().cloned();
        }
        Some(member)
    }

    pub(super) fn members_in_order(&self) -> impl Iterator<Item = &Member> {
        self.join_order.iter().filter_map(|id| self.members.get(id))
    }

    pub(super) fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// Whether a newcomer with these protocols shares one with every member.
    pub(super) fn supports(
        &self,
        protocol_type: &str,
        protocols: &Protocols,
        except: Option<&str>,
    ) -> bool {
        let mut others =
            self.members.values().filter(|member| Some(&*member.member_id) != except).peekable();
        if others.peek().is_none() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        let others: Vec<_> = others.collect();
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|(name, _)| others.iter().all(|member| member.supports(name)))
    }

    /// The protocol that all members support and most of them prefer.
    pub(super) fn select_protocol(&self) -> Option<ByteString> {
        let mut candidates: Option<BTreeSet<&ByteString>> = None;
        for member in self.members.values() {
            let names: BTreeSet<_> = member.protocols.iter().map(|(name, _)| name).collect();
            candidates = Some(match candidates {
                Some(known) => known.intersection(&names).copied().collect(),
                None => names,
            });
        }
        let candidates = candidates?;
        let mut votes: BTreeMap<&ByteString, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some((name, _)) =
                member.protocols.iter().find(|(name, _)| candidates.contains(name))
            {
                *votes.entry(name).or_default() += 1;
            }
        }
        votes.into_iter().max_by_key(|&(_, count)| count).map(|(name, _)| name.clone())
    }

    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    pub(super) fn all_joined(&self) -> bool {
        self.pending_members.is_empty()
            && self.members.values().all(|member| member.awaiting_join.is_some())
    }

    pub(super) fn views(&self) -> Vec<MemberView> {
        let protocol = self.protocol.clone().unwrap_or_default();
        let is_stable = self.state == GroupState::Stable;
        let view = |member: &Member| MemberView {
            member_id: member.member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: if is_stable { member.metadata(&protocol) } else { Bytes::new() },
            assignment: if is_stable { member.assignment.clone() } else { Bytes::new() },
        };
        self.members.values().map(view).collect()
    }
}
