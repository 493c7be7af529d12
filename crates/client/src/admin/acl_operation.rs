//! What a principal may do, as descriptions tell it (KIP-430).

use std::fmt;

/// An operation that ACLs allow or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AclOperation {
    /// Reading records, committing offsets.
    Read,
    /// Writing records.
    Write,
    /// Creating.
    Create,
    /// Deleting.
    Delete,
    /// Altering.
    Alter,
    /// Describing.
    Describe,
    /// What brokers do among themselves.
    ClusterAction,
    /// Describing configuration.
    DescribeConfigs,
    /// Altering configuration.
    AlterConfigs,
    /// Writing idempotently.
    IdempotentWrite,
    /// Creating delegation tokens.
    CreateTokens,
    /// Describing delegation tokens.
    DescribeTokens,
    /// Committing in two phases.
    TwoPhaseCommit,
}

/// Operations with their numbers in the protocol and their names.
const OPERATIONS: &[(AclOperation, u32, &str)] = &[
    (AclOperation::Read, 3, "READ"),
    (AclOperation::Write, 4, "WRITE"),
    (AclOperation::Create, 5, "CREATE"),
    (AclOperation::Delete, 6, "DELETE"),
    (AclOperation::Alter, 7, "ALTER"),
    (AclOperation::Describe, 8, "DESCRIBE"),
    (AclOperation::ClusterAction, 9, "CLUSTER_ACTION"),
    (AclOperation::DescribeConfigs, 10, "DESCRIBE_CONFIGS"),
    (AclOperation::AlterConfigs, 11, "ALTER_CONFIGS"),
    (AclOperation::IdempotentWrite, 12, "IDEMPOTENT_WRITE"),
    (AclOperation::CreateTokens, 13, "CREATE_TOKENS"),
    (AclOperation::DescribeTokens, 14, "DESCRIBE_TOKENS"),
    (AclOperation::TwoPhaseCommit, 15, "TWO_PHASE_COMMIT"),
];

impl fmt::Display for AclOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = OPERATIONS.iter().find(|(operation, _, _)| operation == self);
        f.write_str(name.map_or("", |(_, _, name)| name))
    }
}

/// The version of Metadata from which a response tells what this client may do (Kafka 2.3), and what an
/// error says of it.
pub(super) const METADATA_TELLS_OPERATIONS: (i16, &str) = (8, "telling authorized operations");

/// A set of operations.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct AclOperations(u32);

impl AclOperations {
    /// The set in a response; brokers write the smallest number where they were not asked.
    pub(super) fn from_wire(bits: i32) -> Option<Self> {
        (bits != i32::MIN).then(|| Self(bits.cast_unsigned()))
    }

    /// Whether the operation is in the set.
    #[must_use]
    pub fn contains(self, operation: AclOperation) -> bool {
        self.iter().any(|one| one == operation)
    }

    /// The operations of the set; those that have no name here are left out.
    pub fn iter(self) -> impl Iterator<Item = AclOperation> {
        OPERATIONS
            .iter()
            .filter(move |(_, number, _)| self.0 & (1 << number) != 0)
            .map(|(operation, _, _)| *operation)
    }
}

impl fmt::Debug for AclOperations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_operations() {
        let set = AclOperations::from_wire((1 << 3) | (1 << 8) | (1 << 30)).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), [AclOperation::Read, AclOperation::Describe]);
        assert!(set.contains(AclOperation::Read) && !set.contains(AclOperation::Write));
        assert_eq!(format!("{set:?}"), "{Read, Describe}");
        assert_eq!(AclOperation::Describe.to_string(), "DESCRIBE");
    }

    #[test]
    fn the_smallest_number_is_no_set() {
        assert_eq!(AclOperations::from_wire(i32::MIN), None);
        assert_eq!(AclOperations::from_wire(0), Some(AclOperations::default()));
    }
}
