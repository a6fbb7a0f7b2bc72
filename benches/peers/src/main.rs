//! Reads the backlog of a Falco with tonic and prost, and says with a checksum that it did.
//!
//! Run by `script/bench`: `falco-peers READER unix:///PATH`.

use std::collections::HashMap;

use prost::Message;
use serde::Serialize;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

#[path = "../../measured.rs"]
mod measured;

use measured::{Measured, Read};

#[derive(Clone, PartialEq, Message)]
struct Request {}

#[derive(Clone, PartialEq, Message, Serialize)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message, Serialize)]
struct Alert {
    #[prost(message, optional, tag = "1")]
    time: Option<Time>,
    #[prost(int32, tag = "2")]
    priority: i32,
    #[prost(int32, tag = "3")]
    source_deprecated: i32,
    #[prost(string, tag = "4")]
    rule: String,
    #[prost(string, tag = "5")]
    output: String,
    #[prost(map = "string, string", tag = "6")]
    output_fields: HashMap<String, String>,
    #[prost(string, tag = "7")]
    hostname: String,
    #[prost(string, repeated, tag = "8")]
    tags: Vec<String>,
    #[prost(string, tag = "9")]
    source: String,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, reader, endpoint] = &arguments[..] else {
        panic!("falco-peers READER unix:///PATH");
    };
    let json = reader.ends_with("json");
    let runtime = match reader.starts_with("current") {
        true => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
        false => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build(),
    };
    let measured = Measured::begin();
    let read = runtime.unwrap().block_on(read(endpoint.clone(), json));
    measured.end(read);
}

async fn read(endpoint: String, json: bool) -> Read {
    let channel = Endpoint::from_shared(endpoint).unwrap().connect().await;
    let mut client = Grpc::new(channel.unwrap());
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/falco.outputs.service/get");
    let codec: ProstCodec<Request, Alert> = ProstCodec::default();
    let answer = client.server_streaming(tonic::Request::new(Request {}), path, codec);
    let mut alerts = answer.await.unwrap().into_inner();
    let mut read = Read::default();
    let mut line = Vec::new();
    while let Some(alert) = alerts.message().await.unwrap() {
        read.add(&alert.rule, alert.priority, |name| {
            alert.output_fields.get(name).map(String::as_str)
        });
        if json {
            line.clear();
            serde_json::to_writer(&mut line, &alert).unwrap();
            read.wrote(line.len());
        }
    }
    read
}
