//! Notifications and the tray, without a window.
