//! The folder of a cluster: what may be there before it starts, and what stays after its end.

use std::path::Path;

use super::Lab;
use crate::state::State;
use crate::{LabError, cache};

/// Makes room in a folder that the caller chose: it has to be empty, or a lab that is stopped.
/// Gives the state of the lab whose data stays.
pub(super) fn clean(folder: &Path, keep: bool) -> Result<Option<State>, LabError> {
    if !folder.exists() {
        return Ok(None);
    }
    let shown = folder.display();
    let Ok(state) = State::load(folder) else {
        let is_empty = folder.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        return match is_empty {
            true => Ok(None),
            false => Err(LabError::Usage(format!("{shown} is neither empty nor a lab"))),
        };
    };
    let lab = Lab::open(folder)?;
    if lab.status().iter().any(|node| node.pid.is_some()) {
        return Err(LabError::Usage(format!("the lab in {shown} is running: stop it first")));
    }
    if keep {
        return Ok(Some(state));
    }
    cache::remove_folder(folder)?;
    Ok(None)
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.detached {
            return;
        }
        if let Err(error) = self.stop(false) {
            eprintln!("kafka-lab: {error}");
        }
        // A folder that the lab picked itself goes with it, unless a failure has to be looked at.
        let Some(block) = self.block.as_ref().filter(|block| block.folder() == self.folder) else {
            return;
        };
        if std::thread::panicking() {
            let failed = block.folder().with_extension("failed");
            let kept = cache::remove_folder(&failed)
                .and_then(|()| std::fs::rename(&self.folder, &failed).map_err(LabError::io("")));
            if kept.is_ok() {
                eprintln!("kafka-lab: the logs of the cluster are in {}", failed.display());
            }
        } else if let Err(error) = cache::remove_folder(&self.folder) {
            eprintln!("kafka-lab: {error}");
        }
    }
}
