//! SASL PLAIN, SCRAM and OAUTHBEARER as exchanges over bytes, client and server side.
