// This file is generated. Do not edit
// @generated

// https://github.com/Manishearth/rust-clippy/issues/702
#![allow(unknown_lints)]
#![allow(clippy::all)]

#![allow(dead_code)]
#![allow(missing_docs)]
#![allow(non_camel_case_types)]
#![allow(non_snake_case)]
#![allow(non_upper_case_globals)]
#![allow(trivial_casts)]
#![allow(unused_imports)]
#![allow(unused_results)]

const METHOD_SERVICE_SUB: ::grpcio::Method<super::outputs::Request, super::outputs::Response> = ::grpcio::Method {
    ty: ::grpcio::MethodType::Duplex,
    name: "/falco.outputs.service/sub",
    req_mar: ::grpcio::Marshaller { ser: ::grpcio::pb_ser, de: ::grpcio::pb_de },
    resp_mar: ::grpcio::Marshaller { ser: ::grpcio::pb_ser, de: ::grpcio::pb_de },
};

const METHOD_SERVICE_GET: ::grpcio::Method<super::outputs::Request, super::outputs::Response> = ::grpcio::Method {
    ty: ::grpcio::MethodType::ServerStreaming,
    name: "/falco.outputs.service/get",
    req_mar: ::grpcio::Marshaller { ser: ::grpcio::pb_ser, de: ::grpcio::pb_de },
    resp_mar: ::grpcio::Marshaller { ser: ::grpcio::pb_ser, de: ::grpcio::pb_de },
};

#[derive(Clone)]
pub struct ServiceClient {
    pub client: ::grpcio::Client,
}

impl ServiceClient {
    pub fn new(channel: ::grpcio::Channel) -> Self {
        ServiceClient {
            client: ::grpcio::Client::new(channel),
        }
    }

    pub fn sub_opt(&self, opt: ::grpcio::CallOption) -> ::grpcio::Result<(::grpcio::ClientDuplexSender<super::outputs::Request>, ::grpcio::ClientDuplexReceiver<super::outputs::Response>)> {
        self.client.duplex_streaming(&METHOD_SERVICE_SUB, opt)
    }

    pub fn sub(&self) -> ::grpcio::Result<(::grpcio::ClientDuplexSender<super::outputs::Request>, ::grpcio::ClientDuplexReceiver<super::outputs::Response>)> {
        self.sub_opt(::grpcio::CallOption::default())
    }

    pub fn get_opt(&self, req: &super::outputs::Request, opt: ::grpcio::CallOption) -> ::grpcio::Result<::grpcio::ClientSStreamReceiver<super::outputs::Response>> {
        self.client.server_streaming(&METHOD_SERVICE_GET, req, opt)
    }

    pub fn get(&self, req: &super::outputs::Request) -> ::grpcio::Result<::grpcio::ClientSStreamReceiver<super::outputs::Response>> {
        self.get_opt(req, ::grpcio::CallOption::default())
    }
    pub fn spawn<F>(&self, f: F) where F: ::std::future::Future<Output = ()> + Send + 'static {
        self.client.spawn(f)
    }
}

pub trait Service {
    fn sub(&mut self, ctx: ::grpcio::RpcContext, _stream: ::grpcio::RequestStream<super::outputs::Request>, sink: ::grpcio::DuplexSink<super::outputs::Response>) {
        grpcio::unimplemented_call!(ctx, sink)
    }
    fn get(&mut self, ctx: ::grpcio::RpcContext, _req: super::outputs::Request, sink: ::grpcio::ServerStreamingSink<super::outputs::Response>) {
        grpcio::unimplemented_call!(ctx, sink)
    }
}

pub fn create_service<S: Service + Send + Clone + 'static>(s: S) -> ::grpcio::Service {
    let mut builder = ::grpcio::ServiceBuilder::new();
    let mut instance = s.clone();
    builder = builder.add_duplex_streaming_handler(&METHOD_SERVICE_SUB, move |ctx, req, resp| {
        instance.sub(ctx, req, resp)
    });
    let mut instance = s;
    builder = builder.add_server_streaming_handler(&METHOD_SERVICE_GET, move |ctx, req, resp| {
        instance.get(ctx, req, resp)
    });
    builder.build()
}
