#!/bin/sh
# Makes the key stores of the TLS tests from ../certificates. Needs OpenSSL 3 and a JDK of 17 or newer.
set -eu
certificates=../certificates
rm -f ./*.p12 ./*.jks ./*.jceks ./*.key

# OpenSSL's: of today, of before 3.0, and certificates alone.
openssl pkcs12 -export -in "$certificates/client.pem" -inkey "$certificates/client.key" \
    -certfile "$certificates/ca.pem" -name client -passout pass:changeit -out openssl.p12
openssl pkcs12 -export -legacy -in "$certificates/client.pem" -inkey "$certificates/client.key" \
    -certfile "$certificates/ca.pem" -name client -passout pass:changeit -out legacy.p12
openssl pkcs12 -export -nokeys -in "$certificates/ca.pem" -passout pass:changeit \
    -out openssl-trust.p12

# Java's.
keytool -importkeystore -noprompt -srckeystore openssl.p12 -srcstoretype PKCS12 \
    -srcstorepass changeit -destkeystore java.p12 -deststoretype PKCS12 -deststorepass changeit
keytool -importkeystore -noprompt -srckeystore openssl.p12 -srcstoretype PKCS12 -srcalias client \
    -srcstorepass changeit -srckeypass changeit -destkeystore java.jks -deststoretype JKS \
    -deststorepass changeit -destkeypass "key secret"
keytool -importcert -noprompt -alias ca -file "$certificates/ca.pem" -keystore java-trust.p12 \
    -storetype PKCS12 -storepass changeit
keytool -importcert -noprompt -alias ca -file "$certificates/ca.pem" -keystore java-trust.jks \
    -storetype JKS -storepass changeit
keytool -importkeystore -noprompt -srckeystore openssl.p12 -srcstoretype PKCS12 \
    -srcstorepass changeit -destkeystore java.jceks -deststoretype JCEKS -deststorepass changeit

# The client's key, encrypted in several ways.
encrypt() { openssl pkcs8 -topk8 -in "$certificates/client.key" -passout pass:changeit "$@"; }
encrypt -v2 aes-128-cbc -v2prf hmacWithSHA1 -out aes-128-sha1.key
encrypt -v2 des3 -out triple-des.key
encrypt -scrypt -scrypt_N 16384 -out scrypt.key
encrypt -v1 PBE-SHA1-3DES -out pkcs12.key
encrypt -v1 PBE-MD5-DES -provider legacy -provider default -out md5.key
openssl ec -in "$certificates/client.key" -aes256 -passout pass:changeit -out traditional.key
