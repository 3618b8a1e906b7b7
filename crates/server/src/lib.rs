//! The embedded server: Nextcloud Talk's API on one machine.
