//! Fetch sessions: what a consumer asked for is remembered, so that it only sends changes (KIP-227).

use std::collections::{BTreeMap, HashMap, HashSet};

use milena_wire::{ByteString, ErrorCode, Uuid};

/// Sessions of one node; the one that was used least recently makes room for a new one.
const SESSIONS_MAX: usize = 1000;
/// Partitions that one session remembers.
const PARTITIONS_MAX: usize = 100_000;
/// The epoch of a request that wants no session.
const FINAL_EPOCH: i32 = -1;
/// The epoch of a request that wants a new session.
const INITIAL_EPOCH: i32 = 0;

/// Names a partition as the request did: by topic name, or by topic id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FetchKey {
    pub topic: ByteString,
    pub topic_id: Uuid,
    pub partition: i32,
}

/// What is asked of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FetchWish {
    pub fetch_offset: i64,
    pub bytes_max: usize,
    pub current_leader_epoch: i32,
    pub last_fetched_epoch: i32,
}

/// What was last told about a partition; an incremental response leaves out what has not changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub high_watermark: i64,
    pub last_stable_offset: i64,
    pub log_start_offset: i64,
}

#[derive(Debug)]
struct Session {
    next_epoch: i32,
    uses_topic_ids: bool,
    /// In the order in which they are served; what was served goes to the end.
    order: Vec<FetchKey>,
    wishes: HashMap<FetchKey, (FetchWish, Option<Told>)>,
    used: u64,
}

/// How a request is to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FetchPlan {
    /// 0 when there is no session.
    pub session_id: i32,
    pub is_incremental: bool,
    pub partitions: Vec<(FetchKey, FetchWish)>,
}

/// The sessions of one node.
#[derive(Debug, Default)]
pub(crate) struct FetchSessions {
    sessions: BTreeMap<i32, Session>,
    clock: u64,
}

/// The session part of a fetch request.
#[derive(Debug, Clone)]
pub(crate) struct FetchSessionRequest {
    pub session_id: i32,
    pub session_epoch: i32,
    pub uses_topic_ids: bool,
    pub wishes: Vec<(FetchKey, FetchWish)>,
    pub forgotten: Vec<FetchKey>,
    /// For the id of a new session.
    pub random: u32,
}

impl FetchSessions {
    /// Finds out which partitions a request is about.
    pub(crate) fn plan(&mut self, request: FetchSessionRequest) -> Result<FetchPlan, ErrorCode> {
        self.clock += 1;
        match request.session_epoch {
            FINAL_EPOCH => {
                self.sessions.remove(&request.session_id);
                Ok(FetchPlan { session_id: 0, is_incremental: false, partitions: request.wishes })
            }
            INITIAL_EPOCH => {
                self.sessions.remove(&request.session_id);
                Ok(self.create(request))
            }
            _ => self.advance(request),
        }
    }

    fn create(&mut self, request: FetchSessionRequest) -> FetchPlan {
        let mut plan =
            FetchPlan { session_id: 0, is_incremental: false, partitions: request.wishes };
        if plan.partitions.is_empty() || plan.partitions.len() > PARTITIONS_MAX {
            return plan;
        }
        if self.sessions.len() >= SESSIONS_MAX {
            let oldest =
                self.sessions.iter().min_by_key(|(_, session)| session.used).map(|(&id, _)| id);
            oldest.map(|id| self.sessions.remove(&id));
        }
        let mut id = i32::try_from(request.random >> 1).unwrap_or(1).max(1);
        while self.sessions.contains_key(&id) {
            id = if id == i32::MAX { 1 } else { id + 1 };
        }
        let mut session = Session {
            next_epoch: 1,
            uses_topic_ids: request.uses_topic_ids,
            order: Vec::new(),
            wishes: HashMap::new(),
            used: self.clock,
        };
        for (key, wish) in &plan.partitions {
            session.wish(key.clone(), *wish);
        }
        self.sessions.insert(id, session);
        plan.session_id = id;
        plan
    }

    fn advance(&mut self, request: FetchSessionRequest) -> Result<FetchPlan, ErrorCode> {
        let session = self
            .sessions
            .get_mut(&request.session_id)
            .ok_or(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)?;
        if session.next_epoch != request.session_epoch {
            return Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH);
        }
        if session.uses_topic_ids != request.uses_topic_ids {
            return Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR);
        }
        session.used = self.clock;
        session.next_epoch =
            if session.next_epoch == i32::MAX { 1 } else { session.next_epoch + 1 };
        if !request.forgotten.is_empty() {
            let forgotten: HashSet<_> = request.forgotten.into_iter().collect();
            session.order.retain(|key| !forgotten.contains(key));
            session.wishes.retain(|key, _| !forgotten.contains(key));
        }
        for (key, wish) in request.wishes {
            session.wish(key, wish);
        }
        let wish = |key: &FetchKey| session.wishes.get(key).map(|(wish, _)| (key.clone(), *wish));
        Ok(FetchPlan {
            session_id: request.session_id,
            is_incremental: true,
            partitions: session.order.iter().filter_map(wish).collect(),
        })
    }

    /// Whether a partition without records has news for the session; remembers what is told.
    pub(crate) fn has_news(&mut self, session_id: i32, key: &FetchKey, told: Told) -> bool {
        let Some(session) = self.sessions.get_mut(&session_id) else { return true };
        session.wishes.get_mut(key).is_none_or(|(_, known)| known.replace(told) != Some(told))
    }

    /// Puts partitions that were served behind the others.
    pub(crate) fn served(&mut self, session_id: i32, keys: &HashSet<FetchKey>) {
        if let Some(session) = self.sessions.get_mut(&session_id) {
            let (served, mut waiting): (Vec<_>, Vec<_>) =
                session.order.drain(..).partition(|key| keys.contains(key));
            waiting.extend(served);
            session.order = waiting;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.sessions.clear();
    }
}

impl Session {
    fn wish(&mut self, key: FetchKey, wish: FetchWish) {
        if let Some((known, _)) = self.wishes.get_mut(&key) {
            *known = wish;
        } else if self.wishes.len() < PARTITIONS_MAX {
            self.order.push(key.clone());
            self.wishes.insert(key, (wish, None));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(partition: i32) -> FetchKey {
        FetchKey { topic: ByteString::from("t"), topic_id: Uuid::ZERO, partition }
    }

    fn wish(fetch_offset: i64) -> FetchWish {
        FetchWish { fetch_offset, bytes_max: 100, current_leader_epoch: -1, last_fetched_epoch: -1 }
    }

    fn request(session_id: i32, session_epoch: i32, wishes: &[(i32, i64)]) -> FetchSessionRequest {
        FetchSessionRequest {
            session_id,
            session_epoch,
            uses_topic_ids: false,
            wishes: wishes
                .iter()
                .map(|&(partition, offset)| (key(partition), wish(offset)))
                .collect(),
            forgotten: Vec::new(),
            random: 20,
        }
    }

    #[test]
    fn an_incremental_request_is_completed_from_the_session() {
        let mut sessions = FetchSessions::default();
        let full = sessions.plan(request(0, 0, &[(0, 5), (1, 6)])).unwrap();
        assert_eq!((full.session_id, full.is_incremental), (10, false));
        let next = sessions.plan(request(10, 1, &[(1, 9)])).unwrap();
        assert!(next.is_incremental);
        assert_eq!(next.partitions, vec![(key(0), wish(5)), (key(1), wish(9))]);
        let forgetting = FetchSessionRequest { forgotten: vec![key(0)], ..request(10, 2, &[]) };
        assert_eq!(sessions.plan(forgetting).unwrap().partitions, vec![(key(1), wish(9))]);
    }

    #[test]
    fn refuses_unknown_sessions_and_wrong_epochs() {
        let mut sessions = FetchSessions::default();
        assert_eq!(sessions.plan(request(3, 1, &[])), Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND));
        let id = sessions.plan(request(0, 0, &[(0, 0)])).unwrap().session_id;
        assert_eq!(sessions.plan(request(id, 2, &[])), Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH));
        let by_id = FetchSessionRequest { uses_topic_ids: true, ..request(id, 1, &[]) };
        assert_eq!(sessions.plan(by_id), Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR));
        sessions.plan(request(id, -1, &[(0, 0)])).unwrap();
        assert_eq!(sessions.plan(request(id, 1, &[])), Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND));
    }

    #[test]
    fn unchanged_partitions_are_no_news() {
        let mut sessions = FetchSessions::default();
        let id = sessions.plan(request(0, 0, &[(0, 0)])).unwrap().session_id;
        let told = Told { high_watermark: 3, last_stable_offset: 3, log_start_offset: 0 };
        assert!(sessions.has_news(id, &key(0), told));
        assert!(!sessions.has_news(id, &key(0), told));
        assert!(sessions.has_news(id, &key(0), Told { high_watermark: 4, ..told }));
    }

    #[test]
    fn served_partitions_go_to_the_end() {
        let mut sessions = FetchSessions::default();
        let id = sessions.plan(request(0, 0, &[(0, 0), (1, 0), (2, 0)])).unwrap().session_id;
        sessions.served(id, &HashSet::from([key(0)]));
        let order = sessions.plan(request(id, 1, &[])).unwrap().partitions;
        assert_eq!(order.iter().map(|(key, _)| key.partition).collect::<Vec<_>>(), [1, 2, 0]);
    }
}
