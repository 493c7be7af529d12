//! Scripts for the group coordinator under a virtual clock.
