//! Blocks of ports on 127.0.0.1, each held by one lab.
//!
//! A block is held by a lock on a file of the cache for as long as the lab's process lives. A lab
//! that outlives its process writes its folder into that file instead, and holds the block for
//! as long as the state in the folder names processes.

use std::fs::File;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use crate::{LabError, cache, state};

/// How many ports a node can use.
pub(crate) const PER_NODE: u16 = 10;
/// The most nodes of one lab.
pub(crate) const MOST_NODES: u16 = 10;

const BLOCK: u16 = PER_NODE * MOST_NODES;
/// Below the range from which systems take ports for outgoing connections.
const FIRST: u16 = 21_000;
const LAST: u16 = 32_000;

/// A block of ports and the folder that goes with it, held until it is dropped.
#[derive(Debug)]
pub struct PortBlock {
    base: u16,
    lock: File,
    folder: PathBuf,
}

impl PortBlock {
    /// Takes the first block whose ports are free for that many nodes.
    ///
    /// # Errors
    ///
    /// When there is none, or when the cache cannot be used.
    pub fn take(nodes: u16) -> Result<Self, LabError> {
        for base in (FIRST..LAST).step_by(usize::from(BLOCK)) {
            if let Some(block) = Self::try_take(base, nodes)? {
                return Ok(block);
            }
        }
        Err(LabError::Usage(format!("no {nodes} x {PER_NODE} free ports in {FIRST}..{LAST}")))
    }

    /// Takes the block that starts at `base`.
    ///
    /// # Errors
    ///
    /// When it is not free, or when the cache cannot be used.
    pub fn take_at(base: u16, nodes: u16) -> Result<Self, LabError> {
        Self::try_take(base, nodes)?.ok_or_else(|| {
            LabError::Usage(format!(
                "ports {base} to {} are not free: another lab holds them, or a program listens",
                u32::from(base) + u32::from(PER_NODE * nodes) - 1
            ))
        })
    }

    fn try_take(base: u16, nodes: u16) -> Result<Option<Self>, LabError> {
        let home = cache::root()?.join("clusters");
        cache::create_folder(&home)?;
        let path = home.join(format!("{base}.lock"));
        let lock = cache::lock_file(&path)?;
        if lock.try_lock().is_err() {
            return Ok(None);
        }
        let holder = cache::read(&path)?;
        if !holder.is_empty() && state::names_processes(Path::new(holder.trim())) {
            return Ok(None);
        }
        if !(0..nodes * PER_NODE).all(|offset| is_free(base.saturating_add(offset))) {
            return Ok(None);
        }
        let block = Self { base, lock, folder: home.join(base.to_string()) };
        block.write_holder("")?;
        Ok(Some(block))
    }

    /// The first port.
    #[must_use]
    pub fn base(&self) -> u16 {
        self.base
    }

    /// A folder that no other lab uses while this block is held.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves the block to the lab in `folder`, for as long as its state names processes.
    pub(crate) fn hand_over(self, folder: &Path) -> Result<(), LabError> {
        self.write_holder(&folder.to_string_lossy())
    }

    fn write_holder(&self, text: &str) -> Result<(), LabError> {
        let context = || format!("cannot write the lock of port {}", self.base);
        self.lock.set_len(0).map_err(LabError::io(context()))?;
        (&self.lock).write_all(text.as_bytes()).map_err(LabError::io(context()))
    }
}

/// Whether nothing listens on a port.
fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_no_block_twice() {
        let first = PortBlock::take(1).unwrap();
        let second = PortBlock::take(1).unwrap();
        assert_ne!(first.base(), second.base());
        assert!(PortBlock::take_at(first.base(), 1).is_err());
    }

    #[test]
    fn takes_no_block_in_which_a_program_listens() {
        let block = PortBlock::take(2).unwrap();
        let base = block.base();
        drop(block);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, base + 15)).unwrap();
        assert!(PortBlock::take_at(base, 2).is_err());
        drop(listener);
    }
}
