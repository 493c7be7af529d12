//! Properties of SASL.

use super::super::property::{Clients, Kind, Property, Width};
use super::{DOUBLE, INT, LONG, any_case, int_within};

const KERBEROS: &str = "it serves GSSAPI alone, which is not supported";
const BROKER_SIDE: &str = "it is for the checks that brokers make";
const ASSERTION: &str =
    "assertions (the grant jwt-bearer) are not supported; use client credentials";
const NO_END: &str = "a call without an end helps nobody";
const JAVA_CLASS: &str = "Java classes cannot be run; give the builder a token provider";
const UNSECURED_HANDLER: &str = "org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler";
const ENDPOINT_HANDLER: &str =
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler";
const OLD_ENDPOINT_HANDLER: &str =
    "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler";

pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "sasl.mechanism",
        Clients::ALL,
        Kind::Text,
        "0.10",
        "How the client proves who it is: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER`.",
    )
    .default("GSSAPI")
    .ours(None, "GSSAPI is not supported, so a mechanism must be named")
    .but_not(&[(
        "GSSAPI",
        "Kerberos is not supported; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER",
    )]),
    Property::new(
        "sasl.jaas.config",
        Clients::ALL,
        Kind::Password,
        "0.10.2",
        "The credentials as one line of JAAS: a login module, `required`, options such as \
         `username=\"...\" password=\"...\"`, and a semicolon.",
    ),
    Property::new(
        "sasl.client.callback.handler.class",
        Clients::ALL,
        Kind::Class,
        "2.0",
        "A Java class that answers the mechanism's questions.",
    )
    .unsupported(JAVA_CLASS),
    Property::new(
        "sasl.login.callback.handler.class",
        Clients::ALL,
        Kind::Class,
        "2.0",
        "A Java class that gets credentials.",
    )
    .unsupported(JAVA_CLASS)
    .harmless(&[UNSECURED_HANDLER, ENDPOINT_HANDLER, OLD_ENDPOINT_HANDLER]),
    Property::new(
        "sasl.login.class",
        Clients::ALL,
        Kind::Class,
        "2.0",
        "A Java class that logs in.",
    )
    .unsupported(JAVA_CLASS),
    Property::new(
        "sasl.login.refresh.window.factor",
        Clients::ALL,
        Kind::Double { min: 0.5, max: 1.0 },
        "2.0",
        "The part of a token's life after which a new one is asked for.",
    )
    .default("0.8")
    .needs_oauth(),
    Property::new(
        "sasl.login.refresh.window.jitter",
        Clients::ALL,
        Kind::Double { min: 0.0, max: 0.25 },
        "2.0",
        "How much chance moves that moment, as a part of the token's life.",
    )
    .default("0.05")
    .needs_oauth(),
    Property::new(
        "sasl.login.refresh.min.period.seconds",
        Clients::ALL,
        Kind::Integer { width: Width::Short, min: 0, max: 900, or: None },
        "2.0",
        "The shortest time between two tokens.",
    )
    .default("60")
    .needs_oauth(),
    Property::new(
        "sasl.login.refresh.buffer.seconds",
        Clients::ALL,
        Kind::Integer { width: Width::Short, min: 0, max: 3_600, or: None },
        "2.0",
        "The time before a token's end at which a new one must be there.",
    )
    .default("300")
    .needs_oauth(),
    Property::new(
        "sasl.login.connect.timeout.ms",
        Clients::ALL,
        INT,
        "3.1",
        "How long connecting to a token endpoint may take.",
    )
    .ours(Some("10000"), NO_END)
    .needs_oauth(),
    Property::new(
        "sasl.login.read.timeout.ms",
        Clients::ALL,
        INT,
        "3.1",
        "How long reading from a token endpoint may take.",
    )
    .ours(Some("30000"), NO_END)
    .needs_oauth(),
    Property::new(
        "sasl.login.retry.backoff.ms",
        Clients::ALL,
        LONG,
        "3.1",
        "The first pause before a token endpoint that failed is asked again; it doubles each time.",
    )
    .default("100")
    .needs_oauth(),
    Property::new(
        "sasl.login.retry.backoff.max.ms",
        Clients::ALL,
        LONG,
        "3.1",
        "How long a token endpoint that fails is asked again.",
    )
    .default("10000")
    .needs_oauth(),
    Property::new(
        "sasl.kerberos.service.name",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "The Kerberos name of the brokers.",
    )
    .ignored(KERBEROS),
    Property::new(
        "sasl.kerberos.kinit.cmd",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "The path of kinit.",
    )
    .default("/usr/bin/kinit")
    .ours(None, KERBEROS)
    .ignored(KERBEROS),
    Property::new(
        "sasl.kerberos.min.time.before.relogin",
        Clients::ALL,
        LONG,
        "0.9",
        "The shortest time in ms between two Kerberos logins.",
    )
    .default("60000")
    .ignored(KERBEROS),
    Property::new(
        "sasl.kerberos.ticket.renew.jitter",
        Clients::ALL,
        DOUBLE,
        "0.9",
        "How much chance moves the moment of a ticket's renewal.",
    )
    .default("0.05")
    .ignored(KERBEROS),
    Property::new(
        "sasl.kerberos.ticket.renew.window.factor",
        Clients::ALL,
        DOUBLE,
        "0.9",
        "The part of a ticket's life after which it is renewed.",
    )
    .default("0.8")
    .ignored(KERBEROS),
    Property::new(
        "sasl.oauthbearer.token.endpoint.url",
        Clients::ALL,
        Kind::Text,
        "3.1",
        "Where tokens are had: an endpoint of OAuth 2 (`https:`, `http:`) that is asked with client \
         credentials, or a file with a JWT (`file:`).",
    )
    .needs_oauth(),
    Property::new(
        "sasl.oauthbearer.scope",
        Clients::ALL,
        Kind::Text,
        "4.1",
        "The scope to ask a token endpoint for.",
    )
    .needs_oauth(),
    Property::new(
        "sasl.oauthbearer.client.credentials.client.id",
        Clients::ALL,
        Kind::Text,
        "4.1",
        "The client's id at the token endpoint.",
    )
    .needs_oauth(),
    Property::new(
        "sasl.oauthbearer.client.credentials.client.secret",
        Clients::ALL,
        Kind::Password,
        "4.1",
        "The client's secret at the token endpoint.",
    )
    .needs_oauth(),
    Property::new(
        "sasl.oauthbearer.header.urlencode",
        Clients::ALL,
        Kind::Boolean,
        "3.9",
        "Whether id and secret are percent-encoded for the token endpoint.",
    )
    .default("false")
    .needs_oauth(),
    Property::new(
        "sasl.oauthbearer.jwt.retriever.class",
        Clients::ALL,
        Kind::Class,
        "4.1",
        "How tokens are had: Kafka's `DefaultJwtRetriever`, `ClientCredentialsJwtRetriever` or \
         `FileJwtRetriever`; which of them the endpoint's URL tells.",
    )
    .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever")
    .but_not(&[(
        "org.apache.kafka.common.security.oauthbearer.JwtBearerJwtRetriever",
        ASSERTION,
    )])
    .needs_oauth(),
    Property::new(
        "sasl.oauthbearer.jwt.validator.class",
        Clients::ALL,
        Kind::Class,
        "4.1",
        "A Java class that checks tokens before they are sent.",
    )
    .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator")
    .ours(None, "tokens are checked by the broker")
    .ignored("tokens are checked by the broker"),
    Property::new(
        "sasl.oauthbearer.assertion.algorithm",
        Clients::ALL,
        any_case(&["ES256", "RS256"]),
        "4.1",
        "How an assertion for the token endpoint is signed.",
    )
    .default("RS256")
    .ignored(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.claim.aud",
        Clients::ALL,
        Kind::Text,
        "4.1",
        "The audience of an assertion.",
    )
    .ignored(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.claim.exp.seconds",
        Clients::ALL,
        int_within(0, 86_400),
        "4.1",
        "How long an assertion is valid.",
    )
    .default("300")
    .ignored(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.claim.iss",
        Clients::ALL,
        Kind::Text,
        "4.1",
        "The issuer of an assertion.",
    )
    .ignored(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.claim.jti.include",
        Clients::ALL,
        Kind::Boolean,
        "4.1",
        "Whether an assertion has an id.",
    )
    .default("false")
    .ignored(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.claim.nbf.seconds",
        Clients::ALL,
        int_within(0, 3_600),
        "4.1",
        "How long before its making an assertion is valid.",
    )
    .default("60")
    .ignored(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.claim.sub",
        Clients::ALL,
        Kind::Text,
        "4.1",
        "The subject of an assertion.",
    )
    .ignored(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.file",
        Clients::ALL,
        Kind::Text,
        "4.1",
        "A file with a ready assertion.",
    )
    .unsupported(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.private.key.file",
        Clients::ALL,
        Kind::Text,
        "4.1",
        "A file with the key that signs assertions.",
    )
    .unsupported(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.private.key.passphrase",
        Clients::ALL,
        Kind::Password,
        "4.1",
        "The password of the key that signs assertions.",
    )
    .ignored(ASSERTION),
    Property::new(
        "sasl.oauthbearer.assertion.template.file",
        Clients::ALL,
        Kind::Text,
        "4.1",
        "A file with claims and headers of assertions.",
    )
    .ignored(ASSERTION),
    Property::new(
        "sasl.oauthbearer.allow.unverified.audience",
        Clients::ALL,
        Kind::Boolean,
        "4.4",
        "Accepts tokens whose audience nobody checked.",
    )
    .default("false")
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.allow.unverified.issuer",
        Clients::ALL,
        Kind::Boolean,
        "4.4",
        "Accepts tokens whose issuer nobody checked.",
    )
    .default("false")
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.clock.skew.seconds",
        Clients::ALL,
        INT,
        "3.1",
        "How far the clocks of issuer and broker may be apart.",
    )
    .default("30")
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.expected.audience",
        Clients::ALL,
        Kind::List,
        "3.1",
        "The audiences that a token may have.",
    )
    .default("")
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.expected.issuer",
        Clients::ALL,
        Kind::Text,
        "3.1",
        "The issuer that a token must have.",
    )
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.jwks.endpoint.url",
        Clients::ALL,
        Kind::Text,
        "3.1",
        "Where the issuer's keys are.",
    )
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.jwks.endpoint.refresh.ms",
        Clients::ALL,
        LONG,
        "3.1",
        "How long the issuer's keys are kept.",
    )
    .default("3600000")
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
        Clients::ALL,
        LONG,
        "3.1",
        "The first pause between two attempts to get the issuer's keys.",
    )
    .default("100")
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
        Clients::ALL,
        LONG,
        "3.1",
        "The longest pause between two attempts to get the issuer's keys.",
    )
    .default("10000")
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.scope.claim.name",
        Clients::ALL,
        Kind::Text,
        "3.1",
        "The claim that holds the scope.",
    )
    .default("scope")
    .ignored(BROKER_SIDE),
    Property::new(
        "sasl.oauthbearer.sub.claim.name",
        Clients::ALL,
        Kind::Text,
        "3.1",
        "The claim that holds the subject.",
    )
    .default("sub")
    .ignored(BROKER_SIDE),
];
