//! What was fetched once: one request for each key, however many ask at the same time.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use super::error::RegistryError;

/// How many keys are remembered: ids come out of values, which anybody may have written.
const KEYS_MAX: usize = 10_000;

/// Values by key, fetched when they are asked for first. Failures are not remembered.
pub(super) struct Cache<K, V> {
    slots: Mutex<HashMap<K, Arc<Slot<V>>>>,
}

struct Slot<V> {
    value: OnceLock<V>,
    failures_count: AtomicU64,
    /// Held by the one who fetches; holds what came of the last fetch that failed.
    fetching: tokio::sync::Mutex<Option<RegistryError>>,
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self {
            value: OnceLock::new(),
            failures_count: AtomicU64::new(0),
            fetching: tokio::sync::Mutex::new(None),
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Default for Cache<K, V> {
    fn default() -> Self {
        Self { slots: Mutex::new(HashMap::new()) }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// The value of a key. Those who ask while it is fetched wait for the same answer, good or bad.
    ///
    /// Cancel safe: when the one who fetches is dropped, the next one fetches.
    pub(super) async fn get<F>(
        &self,
        key: &K,
        fetch: impl FnOnce() -> F,
    ) -> Result<V, RegistryError>
    where
        F: Future<Output = Result<V, RegistryError>>,
    {
        let slot = self.slot(key);
        if let Some(value) = slot.value.get() {
            return Ok(value.clone());
        }
        let failures_before = slot.failures_count.load(Ordering::Acquire);
        let mut last = slot.fetching.lock().await;
        if let Some(value) = slot.value.get() {
            return Ok(value.clone());
        }
        if slot.failures_count.load(Ordering::Acquire) != failures_before
            && let Some(error) = last.as_ref()
        {
            return Err(error.clone());
        }
        match fetch().await {
            Ok(value) => Ok(slot.value.get_or_init(|| value).clone()),
            Err(error) => {
                *last = Some(error.clone());
                slot.failures_count.fetch_add(1, Ordering::Release);
                let mut slots = self.slots.lock();
                if slots.get(key).is_some_and(|kept| Arc::ptr_eq(kept, &slot)) {
                    slots.remove(key);
                }
                Err(error)
            }
        }
    }

    fn slot(&self, key: &K) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        if slots.len() >= KEYS_MAX {
            // Those who wait keep their slot; the rest is fetched again when it is needed.
            slots.clear();
        }
        let slot = Arc::default();
        slots.insert(key.clone(), Arc::clone(&slot));
        slot
    }
}
