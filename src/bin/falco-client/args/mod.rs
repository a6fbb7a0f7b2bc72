//! Arguments that several commands have.

mod certificates;
mod connection;
pub mod filter;
mod port;
mod reading;
mod served;
mod start;
mod when_full;

pub use certificates::certificates;
pub use connection::ConnectionArgs;
pub use filter::Filter;
pub use port::PortArgs;
pub use reading::ReadingArgs;
pub use served::{table, GRPC};
pub use start::{file_of, Start};
pub use when_full::WhenFull;
