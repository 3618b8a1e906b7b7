//! The words of Nextcloud Talk's API on the wire, for the client and the embedded server.
