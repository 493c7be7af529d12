//! What the records of a run hold, the same in every peer and in `milena perf`.

/// The headers of a record that has some.
pub const HEADERS: [(&str, &[u8]); 2] =
    [("content-type", b"application/json"), ("trace", b"4bf92f3577b34da6")];

/// The values over and over, each with a key where records have one.
#[derive(Clone)]
pub struct Records<V = Vec<u8>> {
    values: Vec<V>,
    keys: Vec<V>,
    pub has_headers: bool,
}

impl Records {
    pub fn new(size: usize) -> Self {
        Self { values: values(size), keys: Vec::new(), has_headers: false }
    }

    /// Gives every record a key.
    pub fn add_keys(&mut self) {
        self.keys = keys();
    }

    /// The same with keys and values of another type.
    pub fn of<V: From<Vec<u8>>>(self) -> Records<V> {
        let Self { values, keys, has_headers } = self;
        let convert = |all: Vec<Vec<u8>>| all.into_iter().map(V::from).collect();
        Records { values: convert(values), keys: convert(keys), has_headers }
    }
}

impl<V> Records<V> {
    /// The key and value of the first so many records.
    pub fn take(&self, count: usize) -> impl Iterator<Item = (Option<&V>, &V)> {
        self.share(0, 1, count)
    }

    /// The key and value of each record that one of several tasks sends.
    pub fn share(
        &self,
        task: usize,
        tasks: usize,
        count: usize,
    ) -> impl Iterator<Item = (Option<&V>, &V)> {
        let (first, end) = (count * task / tasks, count * (task + 1) / tasks);
        let values = self.values.iter().cycle().skip(first % self.values.len());
        let mut keys = self.keys.iter().cycle().skip(first % self.keys.len().max(1));
        values.take(end - first).map(move |value| (keys.next(), value))
    }
}

/// 10,000 keys of 16 bytes.
fn keys() -> Vec<Vec<u8>> {
    (0..10_000).map(|id| format!("key-{id:012}").into_bytes()).collect()
}

/// 1,000 JSON-like values of one xorshift generator.
fn values(size: usize) -> Vec<Vec<u8>> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 88_172_645_463_325_252_u64;
    (0..1000)
        .map(|id| {
            let mut value = format!("{{\"id\":{id},\"event\":\"click\",\"user\":\"").into_bytes();
            while value.len() < size {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                value.push(LETTERS[(state & 63) as usize]);
            }
            value.truncate(size);
            value
        })
        .collect()
}
