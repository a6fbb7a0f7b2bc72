//! Options of [`Config`] that every command that reads alerts has. To add one, add a field and its line
//! in `apply`.

use falco_client::Config;

#[derive(clap::Args)]
pub struct ReadingArgs {
    /// Largest alert to accept, in bytes
    ///
    /// A larger alert is reported, and is lost unless it is in a file. Default: as much as gRPC allows
    /// (1 GiB), and 16 MiB for an alert that is posted or a line.
    #[arg(long, hide_short_help = true, value_name = "N")]
    max_message_bytes: Option<usize>,
}

impl ReadingArgs {
    /// Sets the options that were given.
    pub fn apply(&self, mut config: Config) -> Config {
        if let Some(bytes) = self.max_message_bytes {
            config = config.max_message_bytes(bytes);
        }
        config
    }
}
