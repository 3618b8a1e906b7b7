//! The Nextcloud Talk backend.
