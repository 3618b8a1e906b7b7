//! The door into a running core: WebSocket on loopback, token, discovery.
