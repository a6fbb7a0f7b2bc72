//! The methods by which Falco gives alerts.

use crate::source::Purpose;

/// The services that a Falco has for alerts. A call to the other one fails with UNIMPLEMENTED.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Generation {
    /// Falco 0.24 to 0.43.
    Outputs,
    /// Falco 0.18 to 0.23, which have one call for both purposes.
    Output,
}

impl Generation {
    pub(crate) fn other(self) -> Generation {
        match self {
            Generation::Outputs => Generation::Output,
            Generation::Output => Generation::Outputs,
        }
    }
}

/// The methods that bring alerts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rpc {
    /// What is queued now, then the end. Falco 0.24 to 0.43.
    Get,
    /// What is queued, for each request. Falco 0.24 to 0.43.
    Sub,
    /// What is queued now, then the end. Falco 0.18 to 0.23.
    Subscribe,
}

impl Rpc {
    pub(crate) fn new(purpose: Purpose, generation: Generation) -> Rpc {
        match (generation, purpose) {
            (Generation::Outputs, Purpose::Get) => Rpc::Get,
            (Generation::Outputs, Purpose::Subscribe) => Rpc::Sub,
            (Generation::Output, Purpose::Get | Purpose::Subscribe) => Rpc::Subscribe,
        }
    }

    /// Whether it brings more for each further request. The call of any other is the request.
    pub(crate) fn takes_requests(self) -> bool {
        match self {
            Rpc::Sub => true,
            Rpc::Get | Rpc::Subscribe => false,
        }
    }
}
