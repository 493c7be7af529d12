#!/bin/sh
# Makes the certificates of the TLS tests; see README.md.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

authority() {
    key "$work/$1.key"
    openssl req -x509 -new -key "$work/$1.key" -subj "/CN=$2" -days 36500 -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
}

# certificate FILE KEY SUBJECT SAN AUTHORITY START END
certificate() {
    openssl req -new -key "$2" -subj "/CN=$3" -out "$work/request.csr"
    : > "$work/index.txt"
    openssl rand -hex 8 > "$work/serial"
    cat > "$work/ca.cnf" <<CONFIG
[ca]
default_ca = tests
[tests]
database = $work/index.txt
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = critical,CA:FALSE
subjectAltName = $4
CONFIG
    openssl ca -batch -notext -config "$work/ca.cnf" -cert "$5.pem" -keyfile "$work/$5.key" \
        -startdate "$6" -enddate "$7" -in "$work/request.csr" -out "$1" 2>/dev/null
}

authority ca "Milena test authority"
authority foreign-ca "Another authority"
key broker.key
key client.key
here="DNS:localhost,IP:127.0.0.1"
certificate broker.pem broker.key localhost "$here" ca 20200101000000Z 21260101000000Z
certificate wrong-host.pem broker.key elsewhere DNS:elsewhere.example ca 20200101000000Z 21260101000000Z
certificate expired.pem broker.key localhost "$here" ca 20200101000000Z 20210101000000Z
certificate client.pem client.key client DNS:client.example ca 20200101000000Z 21260101000000Z
certificate foreign.pem broker.key localhost "$here" foreign-ca 20200101000000Z 21260101000000Z
openssl pkcs8 -topk8 -in client.key -out encrypted.key -passout pass:secret
