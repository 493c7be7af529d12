//! What a lab's folder says of it, so that a later process can go on with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{LabError, cache};

const FILE: &str = "lab.json";

/// The choices a lab was started with, and its processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) version: String,
    pub(crate) nodes: u16,
    pub(crate) base_port: u16,
    pub(crate) cluster_id: String,
    pub(crate) heap: String,
    pub(crate) acl: bool,
    pub(crate) config: Vec<(String, String)>,
    pub(crate) jvm: Vec<String>,
    /// Process ids by node, `ZooKeeper`'s under 0. A node that was killed keeps its place with
    /// none, since the lab still holds its ports.
    pub(crate) processes: BTreeMap<u16, Option<u32>>,
}

impl State {
    pub(crate) fn load(folder: &Path) -> Result<Self, LabError> {
        let path = file(folder);
        if !path.is_file() {
            return Err(LabError::Usage(format!("there is no lab in {}", folder.display())));
        }
        serde_json::from_str(&cache::read(&path)?)
            .map_err(|error| LabError::Usage(format!("{} is broken: {error}", path.display())))
    }

    /// Replaces the file in one step: a reader never sees half of it.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), LabError> {
        let path = file(folder);
        let fresh = folder.join("lab.json.new");
        let text = serde_json::to_string_pretty(self).expect("strings and numbers alone");
        cache::write(&fresh, &text)?;
        std::fs::rename(&fresh, &path)
            .map_err(LabError::io(format!("cannot write {}", path.display())))
    }
}

/// Whether the lab in a folder has been started and not been stopped.
pub(crate) fn names_processes(folder: &Path) -> bool {
    State::load(folder).is_ok_and(|state| !state.processes.is_empty())
}

fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
