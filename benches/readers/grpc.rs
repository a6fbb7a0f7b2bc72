//! Readers on grpcio, without this crate.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use falco_client::api::outputs::{Request, Response};
use falco_client::api::outputs_grpc::ServiceClient;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::StreamExt;
use grpcio::{
    CallOption, Channel, ChannelBuilder, ChannelCredentialsBuilder, Environment, GrpcSlice,
    Marshaller, MessageReader, Method, MethodType,
};

use crate::measured::Read;
use crate::Falco;

fn channel(falco: &Falco) -> Channel {
    let mut builder = ChannelBuilder::new(Arc::new(Environment::new(1)));
    if let Some(folder) = &falco.certificates {
        let file = |name: &str| std::fs::read(Path::new(folder).join(name)).unwrap();
        let credentials = ChannelCredentialsBuilder::new()
            .root_cert(file("ca.crt"))
            .cert(file("client.crt"), file("client.key"))
            .build();
        builder = builder.set_credentials(credentials);
    }
    builder.connect(&falco.target)
}

/// No more than C-core's own work, and one copy of the bytes.
pub fn floor(falco: &Falco) -> Read {
    const GET: Method<(), Vec<u8>> = Method {
        ty: MethodType::ServerStreaming,
        name: "/falco.outputs.service/get",
        req_mar: Marshaller {
            ser: |_, _: &mut GrpcSlice| Ok(()),
            de: |_| Ok(()),
        },
        resp_mar: Marshaller {
            ser: |_, _: &mut GrpcSlice| Ok(()),
            de: copy,
        },
    };
    fn copy(mut message: MessageReader) -> grpcio::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(message.len());
        let read = message.read_to_end(&mut bytes);
        read.map(|_| bytes)
            .map_err(|error| grpcio::Error::Codec(error.into()))
    }
    let client = grpcio::Client::new(channel(falco));
    let messages = client.server_streaming(&GET, &(), CallOption::default());
    let mut messages = messages.unwrap();
    let (done, over) = oneshot::channel();
    client.spawn(async move {
        let mut read = Read::default();
        while let Some(message) = messages.next().await {
            let length = message.unwrap().len();
            read.count(length as u64);
            read.wrote(length);
        }
        let _ = done.send(read);
    });
    block_on(over).unwrap()
}

fn add_generated(read: &mut Read, message: &Response) {
    read.add(&message.rule, message.priority.value(), |name| {
        message.output_fields.get(name).map(String::as_str)
    });
}

/// What one writes first with grpcio: wait on this thread for each generated message.
pub fn block_on_each(falco: &Falco) -> Read {
    let service = ServiceClient::new(channel(falco));
    let mut messages = service.get(&Request::new()).unwrap();
    let mut read = Read::default();
    while let Some(message) = block_on(messages.next()) {
        add_generated(&mut read, &message.unwrap());
    }
    read
}

/// The same on the thread where the bytes arrive.
pub fn on_its_thread(falco: &Falco) -> Read {
    let service = ServiceClient::new(channel(falco));
    let mut messages = service.get(&Request::new()).unwrap();
    let (done, over) = oneshot::channel();
    service.spawn(async move {
        let mut read = Read::default();
        while let Some(message) = messages.next().await {
            add_generated(&mut read, &message.unwrap());
        }
        let _ = done.send(read);
    });
    block_on(over).unwrap()
}
