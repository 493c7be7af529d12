//! The topics of a producer, by name.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use milena_wire::ByteString;

use super::topic::Topic;

/// Topics by name. Looked up for every record; the names are the application's own, so nobody attacks
/// the hash.
#[derive(Debug, Default)]
pub(super) struct Topics {
    /// The topic that was made last: often it is the only one, and found without a hash.
    latest: Option<Arc<Topic>>,
    all: HashMap<ByteString, Arc<Topic>, RandomState>,
}

impl Topics {
    #[inline]
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Topic>> {
        match &self.latest {
            Some(latest) if &*latest.name == name => Some(latest),
            _ => self.all.get(name),
        }
    }

    /// Adds a topic. Returns the one whose place it takes.
    pub(super) fn insert(&mut self, topic: &Arc<Topic>) -> Option<Arc<Topic>> {
        self.latest = Some(Arc::clone(topic));
        self.all.insert(topic.name.clone(), Arc::clone(topic))
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.all.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_is_found_by_its_name() {
        let mut topics = Topics::default();
        let topic = |name: &str| Arc::new(Topic::new(ByteString::from(name), Box::default(), 0));
        let (cars, bikes, other_cars) = (topic("cars"), topic("bikes"), topic("cars"));
        assert!(topics.insert(&cars).is_none());
        assert!(topics.insert(&bikes).is_none());
        assert!(Arc::ptr_eq(topics.get("cars").unwrap(), &cars));
        assert!(Arc::ptr_eq(topics.get("bikes").unwrap(), &bikes));
        assert!(topics.get("boats").is_none());
        assert!(Arc::ptr_eq(&topics.insert(&other_cars).unwrap(), &cars));
        assert!(Arc::ptr_eq(topics.get("cars").unwrap(), &other_cars));
        assert_eq!((topics.len(), topics.values().count()), (2, 2));
    }
}
