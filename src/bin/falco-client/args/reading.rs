//! Options of [`Config`] that every command which reads alerts has. A further one is a field and a
//! line here.

use falco_client::Config;

#[derive(clap::Args)]
pub struct ReadingArgs {
    /// Largest alert to accept, in bytes.
    ///
    /// Default: as large as gRPC allows (1 GiB), and 16 MiB for a posted alert or a line. A larger
    /// alert is reported and lost.
    #[arg(long, value_name = "N")]
    max_message_bytes: Option<usize>,
}

impl ReadingArgs {
    /// The configuration with the options that were given.
    pub fn apply(&self, mut config: Config) -> Config {
        if let Some(bytes) = self.max_message_bytes {
            config = config.max_message_bytes(bytes);
        }
        config
    }
}
