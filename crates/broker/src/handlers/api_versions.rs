//! ApiVersions: what the broker speaks.

use milena_wire::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use milena_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use milena_wire::{ApiKey, ByteString, ErrorCode};

use super::{Api, Reply};
use crate::connection::Call;
use crate::release::TRANSACTION_VERSION_MAX;

/// The first version that carries the client's software name.
const SOFTWARE_NAME_VERSION: i16 = 3;
/// The first version that carries the cluster id and node id that the client expects.
const IDENTITY_VERSION: i16 = 5;

/// Whether the client asked in a version that is not served.
pub(super) fn is_unsupported(call: &Call<'_>) -> bool {
    let range = call.cluster().settings.served.range(ApiKey::API_VERSIONS);
    range.is_none_or(|range| !(range.min..=range.max).contains(&call.version))
}

/// Spec: KIP-511: an unknown version is answered with error 35 and the range of ApiVersions itself.
pub(super) fn unsupported(call: &Call<'_>) -> ApiVersionsResponse {
    ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION.0,
        api_keys: offered(call)
            .into_iter()
            .filter(|api| api.api_key == ApiKey::API_VERSIONS.0)
            .collect(),
        ..Default::default()
    }
}

fn offered(call: &Call<'_>) -> Vec<ApiVersion> {
    let entry = |(api_key, range): (ApiKey, crate::release::VersionRange)| ApiVersion {
        api_key: api_key.0,
        // librdkafka takes a Produce range that begins above 0 for a broker without compression,
        // so Kafka announces 0 although it serves 3 and higher alone; so does this broker.
        min_version: if api_key == ApiKey::PRODUCE { 0 } else { range.min },
        max_version: range.max,
        ..Default::default()
    };
    call.cluster().settings.served.iter().map(entry).collect()
}

/// What a cluster of 4.0 and later has switched on (KIP-584), as far as this broker has it.
fn add_features(call: &Call<'_>, response: &mut ApiVersionsResponse) {
    let level = call.cluster().settings.transaction_version;
    if level == 0 {
        return;
    }
    let name = || ByteString::from_static("transaction.version");
    response.supported_features = vec![SupportedFeatureKey {
        name: name(),
        min_version: 1,
        max_version: TRANSACTION_VERSION_MAX,
        ..Default::default()
    }];
    response.finalized_features_epoch = 1;
    response.finalized_features = vec![FinalizedFeatureKey {
        name: name(),
        max_version_level: level,
        min_version_level: level,
        ..Default::default()
    }];
}

/// Spec: KIP-511: letters, digits, `-` and `.`, beginning and ending with a letter or digit.
fn is_software_text(text: &str) -> bool {
    let is_alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    is_alphanumeric(bytes.first())
        && is_alphanumeric(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

impl Api for ApiVersionsRequest {
    async fn handle(self, call: &Call<'_>) -> Reply<ApiVersionsResponse> {
        let has_names = is_software_text(&self.client_software_name)
            && is_software_text(&self.client_software_version);
        if call.version >= SOFTWARE_NAME_VERSION && !has_names {
            return Reply::Response(self.refused(call, ErrorCode::INVALID_REQUEST));
        }
        let other_cluster =
            self.cluster_id.as_ref().is_some_and(|id| *id != call.cluster().cluster_id);
        let other_node = self.node_id >= 0 && self.node_id != call.peer.node_id;
        if call.version >= IDENTITY_VERSION && (other_cluster || other_node) {
            return Reply::Response(self.refused(call, ErrorCode::REBOOTSTRAP_REQUIRED));
        }
        let mut response = ApiVersionsResponse { api_keys: offered(call), ..Default::default() };
        add_features(call, &mut response);
        Reply::Response(response)
    }

    fn refused(&self, _: &Call<'_>, code: ErrorCode) -> ApiVersionsResponse {
        ApiVersionsResponse { error_code: code.0, ..Default::default() }
    }

    fn throttle(response: &mut ApiVersionsResponse, throttle_time_ms: i32) {
        response.throttle_time_ms = throttle_time_ms;
    }
}
