//! The paths of Falco's gRPC methods.

/// The alerts that are queued now. Falco 0.24 to 0.43.
pub(crate) const GET: &str = "/falco.outputs.service/get";

/// The alerts that are queued, for each request. Falco 0.24 to 0.43.
pub(crate) const SUB: &str = "/falco.outputs.service/sub";

/// The alerts that are queued now. Falco 0.18 to 0.23.
pub(crate) const SUBSCRIBE: &str = "/falco.output.service/subscribe";

/// The version of Falco and of its engine. Falco 0.20 to 0.43.
pub(crate) const VERSION: &str = "/falco.version.service/version";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_paths_of_the_generated_code() {
        let generated = [
            (include_str!("outputs_grpc.rs"), &[GET, SUB][..]),
            (include_str!("version_grpc.rs"), &[VERSION]),
        ];
        for (code, paths) in generated {
            for path in paths {
                assert!(code.contains(&format!("name: {path:?},")), "{path}");
            }
            assert_eq!(code.matches("name: \"/").count(), paths.len());
        }
    }
}
