//! Each source of alerts: gRPC, posts over HTTP, lines of files and of standard input.

#[path = "../common/mod.rs"]
mod common;

mod grpc;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod lines;
mod redis;
mod wrapped;
