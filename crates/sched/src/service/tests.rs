//! Services, over loopback sockets.
