//! Arguments of gRPC's C-core.

/// The value of a [`channel_arg`](crate::Config::channel_arg).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ChannelArg {
    /// A number; C-core's times are in milliseconds, its booleans 0 and 1.
    Int(i32),
    /// A text.
    Text(String),
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
