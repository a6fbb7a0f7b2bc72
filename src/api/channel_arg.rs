//! Arguments for gRPC's C-core.

use std::fmt;

use crate::util::url::without_secrets;

/// The value of a [`channel_arg`](crate::Config::channel_arg).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelArg {
    /// A number. C-core's times are in milliseconds, its booleans 0 and 1.
    Int(i32),
    /// A text.
    Text(String),
}

/// Without the user and the password of an address, such as that of a proxy.
impl fmt::Debug for ChannelArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChannelArg::Int(value) => f.debug_tuple("Int").field(value).finish(),
            ChannelArg::Text(text) => f.debug_tuple("Text").field(&without_secrets(text)).finish(),
        }
    }
}

impl From<i32> for ChannelArg {
    fn from(value: i32) -> ChannelArg {
        ChannelArg::Int(value)
    }
}

impl From<&str> for ChannelArg {
    fn from(value: &str) -> ChannelArg {
        ChannelArg::Text(value.to_owned())
    }
}

impl From<String> for ChannelArg {
    fn from(value: String) -> ChannelArg {
        ChannelArg::Text(value)
    }
}
