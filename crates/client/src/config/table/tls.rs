//! Properties of TLS.

use super::super::property::{Clients, Kind, Property};

const RUSTLS: &str = "TLS is rustls, which makes this choice itself";
pub(super) const PROPERTIES: &[Property] = &[
    Property::new(
        "ssl.truststore.type",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "The format of the trust store: `JKS`, `PKCS12` or `PEM`. The file's content tells which; where \
         this is set and the content contradicts it, it is refused. `JKS` and `PKCS12` stand for \
         each other, as in Java.",
    )
    .default("JKS"),
    Property::new(
        "ssl.truststore.location",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "A file with the certificates that are trusted. Without it and without \
         `ssl.truststore.certificates` the system's roots are.",
    ),
    Property::new(
        "ssl.truststore.certificates",
        Clients::ALL,
        Kind::Password,
        "2.7",
        "The certificates that are trusted, in PEM, in place of a file.",
    ),
    Property::new(
        "ssl.truststore.password",
        Clients::ALL,
        Kind::Password,
        "0.9",
        "The password of a JKS or PKCS12 trust store. Without it, its integrity is not checked.",
    ),
    Property::new(
        "ssl.keystore.type",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "The format of the key store: `JKS`, `PKCS12` or `PEM`. The file's content tells which; where \
         this is set and the content contradicts it, it is refused. `JKS` and `PKCS12` stand for \
         each other, as in Java.",
    )
    .default("JKS"),
    Property::new(
        "ssl.keystore.location",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "A file with the client's private key and its certificate chain.",
    ),
    Property::new(
        "ssl.keystore.certificate.chain",
        Clients::ALL,
        Kind::Password,
        "2.7",
        "The client's certificate chain in PEM, in place of a file; goes with `ssl.keystore.key`.",
    ),
    Property::new(
        "ssl.keystore.key",
        Clients::ALL,
        Kind::Password,
        "2.7",
        "The client's private key in PEM (PKCS#8, encrypted or not), in place of a file.",
    ),
    Property::new(
        "ssl.keystore.password",
        Clients::ALL,
        Kind::Password,
        "0.9",
        "The password of a JKS or PKCS12 key store.",
    ),
    Property::new(
        "ssl.key.password",
        Clients::ALL,
        Kind::Password,
        "0.9",
        "The password of the private key. Without it, that of a JKS or PKCS12 key store.",
    ),
    Property::new(
        "ssl.endpoint.identification.algorithm",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "`https`: the broker's certificate must name the host that was dialled. Empty: it need not, and \
         whoever has any certificate that is trusted can pose as the broker.",
    )
    .default("https"),
    Property::new(
        "ssl.enabled.protocols",
        Clients::ALL,
        Kind::List,
        "0.9",
        "The versions of TLS that may be spoken: `TLSv1.2`, `TLSv1.3`.",
    )
    .default("TLSv1.2,TLSv1.3"),
    Property::new(
        "ssl.protocol",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "The newest version of TLS that may be spoken: `TLSv1.3`, or `TLSv1.2`.",
    )
    .default("TLSv1.3"),
    Property::new(
        "ssl.cipher.suites",
        Clients::ALL,
        Kind::List,
        "0.9",
        "The cipher suites that may be used.",
    )
    .default("")
    .unsupported("the suites are rustls's own, all of them with forward secrecy and AEAD"),
    Property::new(
        "ssl.engine.factory.class",
        Clients::ALL,
        Kind::Class,
        "2.6",
        "A Java class that creates TLS engines.",
    )
    .unsupported("Java classes cannot be run"),
    Property::new(
        "ssl.provider",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "The Java security provider for TLS.",
    )
    .ignored(RUSTLS),
    Property::new(
        "ssl.keymanager.algorithm",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "The algorithm of Java's key manager.",
    )
    .default("SunX509")
    .ours(None, "there is no key manager without Java")
    .ignored(RUSTLS),
    Property::new(
        "ssl.trustmanager.algorithm",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "The algorithm of Java's trust manager.",
    )
    .default("PKIX")
    .ours(None, "there is no trust manager without Java")
    .ignored(RUSTLS),
    Property::new(
        "ssl.secure.random.implementation",
        Clients::ALL,
        Kind::Text,
        "0.9",
        "Java's random generator for TLS.",
    )
    .ignored(RUSTLS),
];
