//! The loopback parts, over real sockets.
