//! Peer connections, the send and receive paths, and the audio arithmetic between them.
