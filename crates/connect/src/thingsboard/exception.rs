//! Errors as Java's exceptions: the class names that the node writes into the metadata.

use milena::{Error, ErrorKind};

use crate::connector::with_causes;

const PACKAGE: &str = "org.apache.kafka.common.errors.";

/// What is not in the package of the others, by Kafka's error code.
const ELSEWHERE: &[(i16, &str)] = &[(87, "org.apache.kafka.common.InvalidRecordException")];

/// The classes of Kafka's error codes in Java's client, without their package.
const CLASSES: &[(i16, &str)] = &[
    (-1, "UnknownServerException"),
    (1, "OffsetOutOfRangeException"),
    (2, "CorruptRecordException"),
    (3, "UnknownTopicOrPartitionException"),
    (4, "InvalidFetchSizeException"),
    (5, "LeaderNotAvailableException"),
    (6, "NotLeaderOrFollowerException"),
    (7, "TimeoutException"),
    (8, "BrokerNotAvailableException"),
    (9, "ReplicaNotAvailableException"),
    (10, "RecordTooLargeException"),
    (11, "ControllerMovedException"),
    (12, "OffsetMetadataTooLarge"),
    (13, "NetworkException"),
    (14, "CoordinatorLoadInProgressException"),
    (15, "CoordinatorNotAvailableException"),
    (16, "NotCoordinatorException"),
    (17, "InvalidTopicException"),
    (18, "RecordBatchTooLargeException"),
    (19, "NotEnoughReplicasException"),
    (20, "NotEnoughReplicasAfterAppendException"),
    (21, "InvalidRequiredAcksException"),
    (22, "IllegalGenerationException"),
    (23, "InconsistentGroupProtocolException"),
    (24, "InvalidGroupIdException"),
    (25, "UnknownMemberIdException"),
    (26, "InvalidSessionTimeoutException"),
    (27, "RebalanceInProgressException"),
    (28, "InvalidCommitOffsetSizeException"),
    (29, "TopicAuthorizationException"),
    (30, "GroupAuthorizationException"),
    (31, "ClusterAuthorizationException"),
    (32, "InvalidTimestampException"),
    (33, "UnsupportedSaslMechanismException"),
    (34, "IllegalSaslStateException"),
    (35, "UnsupportedVersionException"),
    (36, "TopicExistsException"),
    (37, "InvalidPartitionsException"),
    (38, "InvalidReplicationFactorException"),
    (39, "InvalidReplicaAssignmentException"),
    (40, "InvalidConfigurationException"),
    (41, "NotControllerException"),
    (42, "InvalidRequestException"),
    (43, "UnsupportedForMessageFormatException"),
    (44, "PolicyViolationException"),
    (45, "OutOfOrderSequenceException"),
    (46, "DuplicateSequenceException"),
    (47, "InvalidProducerEpochException"),
    (48, "InvalidTxnStateException"),
    (49, "InvalidPidMappingException"),
    (50, "InvalidTxnTimeoutException"),
    (51, "ConcurrentTransactionsException"),
    (52, "TransactionCoordinatorFencedException"),
    (53, "TransactionalIdAuthorizationException"),
    (54, "SecurityDisabledException"),
    (55, "OperationNotAttemptedException"),
    (56, "KafkaStorageException"),
    (57, "LogDirNotFoundException"),
    (58, "SaslAuthenticationException"),
    (59, "UnknownProducerIdException"),
    (60, "ReassignmentInProgressException"),
    (61, "DelegationTokenDisabledException"),
    (62, "DelegationTokenNotFoundException"),
    (63, "DelegationTokenOwnerMismatchException"),
    (64, "UnsupportedByAuthenticationException"),
    (65, "DelegationTokenAuthorizationException"),
    (66, "DelegationTokenExpiredException"),
    (67, "InvalidPrincipalTypeException"),
    (68, "GroupNotEmptyException"),
    (69, "GroupIdNotFoundException"),
    (70, "FetchSessionIdNotFoundException"),
    (71, "InvalidFetchSessionEpochException"),
    (72, "ListenerNotFoundException"),
    (73, "TopicDeletionDisabledException"),
    (74, "FencedLeaderEpochException"),
    (75, "UnknownLeaderEpochException"),
    (76, "UnsupportedCompressionTypeException"),
    (77, "StaleBrokerEpochException"),
    (78, "OffsetNotAvailableException"),
    (79, "MemberIdRequiredException"),
    (80, "PreferredLeaderNotAvailableException"),
    (81, "GroupMaxSizeReachedException"),
    (82, "FencedInstanceIdException"),
    (83, "EligibleLeadersNotAvailableException"),
    (84, "ElectionNotNeededException"),
    (85, "NoReassignmentInProgressException"),
    (86, "GroupSubscribedToTopicException"),
    (88, "UnstableOffsetCommitException"),
    (89, "ThrottlingQuotaExceededException"),
    (90, "ProducerFencedException"),
    (91, "ResourceNotFoundException"),
    (92, "DuplicateResourceException"),
    (93, "UnacceptableCredentialException"),
    (94, "InconsistentVoterSetException"),
    (95, "InvalidUpdateVersionException"),
    (96, "FeatureUpdateFailedException"),
    (97, "PrincipalDeserializationException"),
    (98, "SnapshotNotFoundException"),
    (99, "PositionOutOfRangeException"),
    (100, "UnknownTopicIdException"),
    (101, "DuplicateBrokerRegistrationException"),
    (102, "BrokerIdNotRegisteredException"),
    (103, "InconsistentTopicIdException"),
    (104, "InconsistentClusterIdException"),
    (105, "TransactionalIdNotFoundException"),
    (106, "FetchSessionTopicIdException"),
    (107, "IneligibleReplicaException"),
    (108, "NewLeaderElectedException"),
    (109, "OffsetMovedToTieredStorageException"),
    (110, "FencedMemberEpochException"),
    (111, "UnreleasedInstanceIdException"),
    (112, "UnsupportedAssignorException"),
    (113, "StaleMemberEpochException"),
    (114, "MismatchedEndpointTypeException"),
    (115, "UnsupportedEndpointTypeException"),
    (116, "UnknownControllerIdException"),
    (117, "UnknownSubscriptionIdException"),
    (118, "TelemetryTooLargeException"),
    (119, "InvalidRegistrationException"),
    (120, "TransactionAbortableException"),
    (121, "InvalidRecordStateException"),
    (122, "ShareSessionNotFoundException"),
    (123, "InvalidShareSessionEpochException"),
    (124, "FencedStateEpochException"),
    (125, "InvalidVoterKeyException"),
    (126, "DuplicateVoterException"),
    (127, "VoterNotFoundException"),
    (128, "InvalidRegularExpression"),
    (129, "RebootstrapRequiredException"),
    (130, "StreamsInvalidTopologyException"),
    (131, "StreamsInvalidTopologyEpochException"),
    (132, "StreamsTopologyFencedException"),
    (133, "ShareSessionLimitReachedException"),
    (134, "GroupDeletionFailedException"),
    (135, "StreamsTopologyDescriptionUpdateFailedException"),
    (136, "ControllerIdNotRegisteredException"),
];

/// The class of the exception that Java's producer has for an error.
///
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::{Producer, ProducerRecord, config::ProducerConfig};
/// use milena_connect::thingsboard::exception_class;
///
/// let broker = milena_broker::Broker::start().await?;
/// let producer = Producer::new(ProducerConfig::builder(broker.bootstrap_servers()).build()?)?;
/// let error = producer.send(ProducerRecord::to("no topic")).await.unwrap_err();
/// assert_eq!(
///     exception_class(&error),
///     "org.apache.kafka.common.errors.InvalidTopicException"
/// );
/// # Ok(()) }
/// ```
#[must_use]
pub fn exception_class(error: &Error) -> String {
    let of_code = error.code().and_then(|code| class_of_code(code.0));
    of_code.unwrap_or_else(|| match error.kind() {
        ErrorKind::Broker => in_package("UnknownServerException"),
        ErrorKind::Protocol => "org.apache.kafka.common.protocol.types.SchemaException".to_owned(),
        ErrorKind::Config => "org.apache.kafka.common.config.ConfigException".to_owned(),
        // A producer's only impossible calls: the partition is its own choice.
        ErrorKind::InvalidArgument => in_package("RecordTooLargeException"),
        ErrorKind::Closed => "java.lang.IllegalStateException".to_owned(),
        ErrorKind::Timeout => in_package("TimeoutException"),
        ErrorKind::Transport => in_package("NetworkException"),
        ErrorKind::Authentication => in_package("AuthenticationException"),
        ErrorKind::UnsupportedVersion => in_package("UnsupportedVersionException"),
        _ => "org.apache.kafka.common.KafkaException".to_owned(),
    })
}

/// An error as the node writes it into the metadata: `class`, the class's name, and what was wrong.
#[must_use]
pub fn rendered(error: &Error) -> String {
    render(&exception_class(error), &with_causes(error))
}

/// The word `class` stands there because the node puts the class itself into the text, not its name.
pub(super) fn render(class: &str, message: &str) -> String {
    format!("class {class}: {message}")
}

fn class_of_code(code: i16) -> Option<String> {
    let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == code);
    elsewhere.map(|(_, class)| (*class).to_owned()).or_else(|| {
        let at = CLASSES.binary_search_by_key(&code, |(known, _)| *known).ok()?;
        Some(in_package(CLASSES.get(at)?.1))
    })
}

fn in_package(class: &str) -> String {
    format!("{PACKAGE}{class}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_classes_are_those_of_kafkas_list() {
        let errors = include_str!("../../../../spec/errors.json");
        let errors: Vec<Value> = serde_json::from_str(errors).unwrap();
        for error in &errors {
            let code = i16::try_from(error["code"].as_i64().unwrap()).unwrap();
            let expected = error["exception"].as_str().map(str::to_owned);
            assert_eq!(class_of_code(code), expected, "{code}");
        }
        let known = errors.iter().filter(|error| error["exception"].is_string()).count();
        assert_eq!(CLASSES.len() + ELSEWHERE.len(), known);
    }
}
