//! A result for each thing that a call was about.

use crate::Error;

/// A result for each thing that a call was about, in the order in which they were asked for.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::admin::{Admin, NewTopic};
/// use milena::config::AdminConfig;
///
/// let broker = milena_broker::Broker::start().await?;
/// let admin = Admin::new(AdminConfig::builder(broker.bootstrap_servers()).build()?)?;
/// let results = admin
///     .create_topics([NewTopic::new("orders", 3, 1), NewTopic::new("orders/2", 1, 1)])
///     .await;
/// for (topic, result) in &results {
///     match result {
///         Ok(created) => assert_eq!((topic.as_str(), created.partitions), ("orders", Some(3))),
///         Err(error) => assert_eq!(error.topic(), Some("orders/2")),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "each thing can have failed on its own"]
pub struct Results<K, T> {
    items: Vec<(K, Result<T, Error>)>,
}

impl<K, T> Results<K, T> {
    pub(super) fn new(
        keys: impl IntoIterator<Item = K>,
        results: impl IntoIterator<Item = Result<T, Error>>,
    ) -> Self {
        Self { items: keys.into_iter().zip(results).collect() }
    }

    /// Everything, if nothing failed.
    ///
    /// # Errors
    ///
    /// The first error.
    pub fn all(self) -> Result<Vec<(K, T)>, Error> {
        self.items.into_iter().map(|(key, result)| Ok((key, result?))).collect()
    }

    /// The only result of a call about one thing.
    ///
    /// # Errors
    ///
    /// The error of this one thing; [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) when
    /// the call was about none.
    pub fn one(self) -> Result<T, Error> {
        self.items.into_iter().next().map_or_else(
            || Err(Error::new(crate::ErrorKind::InvalidArgument, "the call was about nothing")),
            |(_, result)| result,
        )
    }

    /// Each thing with its result.
    #[must_use]
    pub fn iter(&self) -> <&Self as IntoIterator>::IntoIter {
        self.into_iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether the call was about nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

type Item<K, T> = (K, Result<T, Error>);
type ItemRef<'a, K, T> = (&'a K, &'a Result<T, Error>);

impl<'a, K, T> IntoIterator for &'a Results<K, T> {
    type Item = ItemRef<'a, K, T>;
    type IntoIter =
        std::iter::Map<std::slice::Iter<'a, Item<K, T>>, fn(&'a Item<K, T>) -> ItemRef<'a, K, T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter().map(|(key, result)| (key, result))
    }
}

impl<K, T> IntoIterator for Results<K, T> {
    type Item = (K, Result<T, Error>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}
