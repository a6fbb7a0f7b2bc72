//! The message as prost would generate it.

use std::collections::HashMap;

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Time {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Alert {
    #[prost(message, optional, tag = "1")]
    pub time: Option<Time>,
    #[prost(int32, tag = "2")]
    pub priority: i32,
    #[prost(int32, tag = "3")]
    pub source_deprecated: i32,
    #[prost(string, tag = "4")]
    pub rule: String,
    #[prost(string, tag = "5")]
    pub output: String,
    #[prost(map = "string, string", tag = "6")]
    pub output_fields: HashMap<String, String>,
    #[prost(string, tag = "7")]
    pub hostname: String,
    #[prost(string, repeated, tag = "8")]
    pub tags: Vec<String>,
    #[prost(string, tag = "9")]
    pub source: String,
}
