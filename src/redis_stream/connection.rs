//! A connection to Redis or Valkey whose every answer has a deadline and a largest size.
//!
//! The crate `redis` writes commands and parses answers. Its own connection takes no CA where TLS is
//! native-tls, and no limits.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use native_tls::{Certificate, HandshakeError, Identity, TlsConnector, TlsStream};
use redis::{Cmd, Parser, Value};

use super::command;
use super::failure::StreamFailure;
use crate::diagnose::{self, Finding, Step};
use crate::endpoint::RedisAddress;
use crate::error::Problem;
use crate::tls::Tls;
use crate::util::deadline_stream::{DeadlineStream, TIMED_OUT};

/// The environment variable in which `redis-cli` looks for a password.
const PASSWORD: &str = "REDISCLI_AUTH";

/// How long a connection may have been idle before it is tried out.
#[cfg(feature = "relay")]
const IDLE: Duration = Duration::from_secs(15);

#[derive(Clone, Debug)]
pub(crate) struct ConnectOptions {
    pub connect_timeout: Duration,
    pub answer_timeout: Duration,
    /// The largest answer, in bytes.
    pub largest: u64,
}

pub(crate) struct RedisConnection {
    stream: Transport,
    parser: Parser,
    options: ConnectOptions,
    #[cfg(feature = "relay")]
    used: Instant,
}

enum Transport {
    Plain(DeadlineStream),
    Tls(Box<TlsStream<DeadlineStream>>),
}

impl RedisConnection {
    /// Connects, logs in and chooses the database. Each step is a finding.
    pub(crate) fn open(
        address: &RedisAddress,
        options: &ConnectOptions,
        findings: &mut Vec<Finding>,
    ) -> Result<RedisConnection, StreamFailure> {
        let tcp = diagnose::connect(
            &address.host,
            address.port,
            options.connect_timeout,
            &REFUSED,
            findings,
        );
        let tcp = tcp.map_err(StreamFailure::passing)?;
        // Its failure costs time, not alerts.
        let _ = tcp.set_nodelay(true);
        let deadline = Instant::now() + options.connect_timeout;
        let stream = match address.tls {
            false => Transport::Plain(DeadlineStream::new(tcp, deadline)),
            true => Transport::Tls(Box::new(encrypt(address, tcp, deadline, findings)?)),
        };
        let mut connection = RedisConnection {
            stream,
            parser: Parser::new(),
            options: options.clone(),
            #[cfg(feature = "relay")]
            used: Instant::now(),
        };
        connection.log_in(address, findings)?;
        Ok(connection)
    }

    fn log_in(
        &mut self,
        address: &RedisAddress,
        findings: &mut Vec<Finding>,
    ) -> Result<(), StreamFailure> {
        let at = |trouble: StreamFailure| trouble.at(Step::Login);
        let password = password(address)?;
        if let Some(password) = &password {
            let mut login = redis::cmd("AUTH");
            login.arg(address.user.as_deref()).arg(password);
            self.call(&login).map_err(at)?;
        }
        if address.database != 0 {
            let select = command("SELECT", &[&address.database.to_string()]);
            self.call(&select).map_err(at)?;
        }
        if password.is_some() {
            let user = address.user.as_deref().unwrap_or("the default user");
            let text = format!("the server takes {user} and the password");
            findings.push(Finding::ok(Step::Login, text));
        }
        Ok(())
    }

    /// Sends a command, and returns its answer.
    pub(crate) fn call(&mut self, command: &Cmd) -> Result<Value, StreamFailure> {
        let answers = self.exchange(command.get_packed_command(), 1)?;
        answers.into_iter().next().map_or(Ok(Value::Nil), checked)
    }

    /// Sends commands of which all are carried out or none, and returns their answers.
    pub(crate) fn transaction(&mut self, commands: &[Cmd]) -> Result<Vec<Value>, StreamFailure> {
        let mut bytes = redis::cmd("MULTI").get_packed_command();
        for command in commands {
            command.write_packed_command(&mut bytes);
        }
        redis::cmd("EXEC").write_packed_command(&mut bytes);
        let mut answers = self.exchange(bytes, commands.len() + 2)?;
        let executed = answers.pop().unwrap_or_default();
        // The refusal of one command says more than that of the whole.
        for answer in answers {
            checked(answer)?;
        }
        match checked(executed)? {
            Value::Array(answers) => answers.into_iter().map(checked).collect(),
            _ => Err(StreamFailure::lost(
                "the server has not carried out a transaction",
            )),
        }
    }

    /// Lets the server check whether it would carry out these commands, by its rights and its state, and
    /// carries out none.
    pub(crate) fn try_out(&mut self, commands: &[Cmd]) -> Result<(), StreamFailure> {
        let mut bytes = redis::cmd("MULTI").get_packed_command();
        for command in commands {
            command.write_packed_command(&mut bytes);
        }
        redis::cmd("DISCARD").write_packed_command(&mut bytes);
        let answers = self.exchange(bytes, commands.len() + 2)?;
        answers
            .into_iter()
            .try_for_each(|answer| checked(answer).map(drop))
    }

    /// Tries out a connection that was idle. Whether it can be used.
    #[cfg(feature = "relay")]
    pub(crate) fn is_usable(&mut self) -> bool {
        // Any answer is one.
        let ping = redis::cmd("PING").get_packed_command();
        self.used.elapsed() < IDLE || self.exchange(ping, 1).is_ok()
    }

    fn exchange(&mut self, bytes: Vec<u8>, answers: usize) -> Result<Vec<Value>, StreamFailure> {
        self.stream
            .set_deadline(Instant::now() + self.options.answer_timeout);
        let sent = self.stream.write_all(&bytes);
        sent.and_then(|()| self.stream.flush())
            .map_err(|error| lost(&error.to_string()))?;
        let mut limited = (&mut self.stream).take(self.options.largest);
        let mut parse = || {
            self.parser
                .parse_value(&mut limited)
                .map_err(|error| match limited.limit() {
                    0 => {
                        StreamFailure::lost("an answer is larger than what may wait for its reader")
                    }
                    _ => lost(&error.to_string()),
                })
        };
        let answers = (0..answers).map(|_| parse()).collect();
        #[cfg(feature = "relay")]
        {
            self.used = Instant::now();
        }
        answers
    }
}

/// What stands for a refused connection.
const REFUSED: Problem = Problem::fixed(
    "nothing listens there",
    "see whether Redis is running, and on this address (bind and port in redis.conf)",
);

fn lost(reason: &str) -> StreamFailure {
    match reason.contains(TIMED_OUT) {
        true => StreamFailure::lost("the server did not answer in time"),
        false => StreamFailure::lost(format!("the connection was lost: {reason}")),
    }
}

fn checked(answer: Value) -> Result<Value, StreamFailure> {
    match answer {
        Value::ServerError(error) => Err(StreamFailure::refused(error.code(), error.details())),
        answer => Ok(answer),
    }
}

/// The password of the address, of its file or of the environment. A file is read at each connection,
/// as it may be renewed.
fn password(address: &RedisAddress) -> Result<Option<String>, StreamFailure> {
    if let Some(password) = &address.password {
        return Ok(Some(password.0.clone()));
    }
    let Some(path) = &address.password_file else {
        let password = std::env::var(PASSWORD).ok();
        return Ok(password.filter(|password| !password.is_empty()));
    };
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn unreadable(path: &Path, error: &io::Error) -> StreamFailure {
    let problem = format!("{} cannot be read: {error}", path.display());
    let remedy = "give a file that this user may read";
    StreamFailure::lasting(Finding::failed(Step::Certificates, (problem, remedy)))
}

fn encrypt(
    address: &RedisAddress,
    tcp: TcpStream,
    deadline: Instant,
    findings: &mut Vec<Finding>,
) -> Result<TlsStream<DeadlineStream>, StreamFailure> {
    let connector = connector(address)?;
    let stream = DeadlineStream::new(tcp, deadline);
    match connector.connect(&address.host, stream) {
        Ok(stream) => {
            let text = format!("the server's certificate is valid for {}", address.host);
            findings.push(Finding::ok(Step::Tls, text));
            Ok(stream)
        }
        Err(HandshakeError::WouldBlock(_)) => Err(lost(TIMED_OUT)),
        Err(HandshakeError::Failure(error)) => Err(StreamFailure::handshake(&error)),
    }
}

fn connector(address: &RedisAddress) -> Result<TlsConnector, StreamFailure> {
    let unusable =
        |problem: Problem| StreamFailure::lasting(Finding::failed(Step::Certificates, problem));
    let refused = |error: native_tls::Error| {
        let problem = format!("the certificates cannot be used: {error}");
        unusable((problem, "give PEM files").into())
    };
    let mut builder = TlsConnector::builder();
    if let Some(path) = &address.ca {
        let pem = fs::read(path).map_err(|error| unreadable(path, &error))?;
        let authorities = Certificate::stack_from_pem(&pem).map_err(refused)?;
        if authorities.is_empty() {
            let problem = format!("{} has no certificate", path.display());
            return Err(unusable((problem, "give the CA's in PEM form").into()));
        }
        builder.disable_built_in_roots(true);
        for authority in authorities {
            builder.add_root_certificate(authority);
        }
    }
    if let Some((cert, key)) = &address.identity {
        let pem = Tls::server_from_files(cert, key).load();
        let pem = pem.map_err(|error| unusable(Problem::from(&error)))?;
        builder.identity(Identity::from_pkcs8(&pem.cert, &pem.key).map_err(refused)?);
    }
    builder.build().map_err(refused)
}

impl Transport {
    fn set_deadline(&mut self, deadline: Instant) {
        match self {
            Transport::Plain(stream) => stream.set_deadline(deadline),
            Transport::Tls(stream) => stream.get_mut().set_deadline(deadline),
        }
    }
}

impl Read for Transport {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(stream) => stream.read(bytes),
            Transport::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(stream) => stream.write(bytes),
            Transport::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(stream) => stream.flush(),
            Transport::Tls(stream) => stream.flush(),
        }
    }
}
