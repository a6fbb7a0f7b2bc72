//! The status codes of gRPC.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)+) => {
        /// The status with which a server ended a call.
        ///
        /// It is displayed by its name in gRPC's specification, such as `PERMISSION_DENIED`, or by its
        /// number where it has none.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum StatusCode {
            $($(#[$doc])* $name,)+
            /// A number that gRPC does not define. Use [`from_number`](StatusCode::from_number),
            /// which never puts a defined number here.
            Other(i32),
        }

        impl StatusCode {
            /// The code with this number.
            pub fn from_number(number: i32) -> StatusCode {
                match number {
                    $($number => StatusCode::$name,)+
                    other => StatusCode::Other(other),
                }
            }

            /// Its number on the wire.
            pub fn number(self) -> i32 {
                match self {
                    $(StatusCode::$name => $number,)+
                    StatusCode::Other(number) => number,
                }
            }

            /// Its name in gRPC's specification; none for a number that it does not define.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(StatusCode::$name => Some($text),)+
                    StatusCode::Other(_) => None,
                }
            }
        }
    };
}

codes! {
    /// 0: no error.
    Ok = 0, "OK";
    /// 1: the call was cancelled.
    Cancelled = 1, "CANCELLED";
    /// 2: an error that the server does not explain.
    Unknown = 2, "UNKNOWN";
    /// 3: the server does not accept the request, whatever its own state.
    InvalidArgument = 3, "INVALID_ARGUMENT";
    /// 4: the call took longer than was allowed.
    DeadlineExceeded = 4, "DEADLINE_EXCEEDED";
    /// 5: something that was asked for does not exist.
    NotFound = 5, "NOT_FOUND";
    /// 6: something that was to be made exists.
    AlreadyExists = 6, "ALREADY_EXISTS";
    /// 7: this client may not make this call.
    PermissionDenied = 7, "PERMISSION_DENIED";
    /// 8: a limit was reached.
    ResourceExhausted = 8, "RESOURCE_EXHAUSTED";
    /// 9: the server is not in the state for this call.
    FailedPrecondition = 9, "FAILED_PRECONDITION";
    /// 10: the call was aborted.
    Aborted = 10, "ABORTED";
    /// 11: a value beyond its range.
    OutOfRange = 11, "OUT_OF_RANGE";
    /// 12: the server does not have the method.
    Unimplemented = 12, "UNIMPLEMENTED";
    /// 13: something inside gRPC or the server broke.
    Internal = 13, "INTERNAL";
    /// 14: the server cannot be reached now.
    Unavailable = 14, "UNAVAILABLE";
    /// 15: data was lost.
    DataLoss = 15, "DATA_LOSS";
    /// 16: the client did not authenticate.
    Unauthenticated = 16, "UNAUTHENTICATED";
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&self.number().to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_and_the_defined_ones_have_grpcs_names() {
        for number in [-1, 17, i32::MIN, i32::MAX] {
            let code = StatusCode::from_number(number);
            assert_eq!(code, StatusCode::Other(number));
            assert_eq!(
                (code.number(), code.to_string()),
                (number, number.to_string())
            );
        }
        for number in 0..=16 {
            let code = StatusCode::from_number(number);
            assert_eq!(code.number(), number);
            // C-core shows them as `7-PERMISSION_DENIED`.
            let core = format!("{:?}", grpcio::RpcStatusCode::from(number));
            assert_eq!(core, format!("{number}-{code}"));
        }
    }
}
