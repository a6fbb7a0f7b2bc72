//! The table: for each row what the check says, and what the client's error says.

use falco_client::check::Step;
use falco_client::Tls;

use super::{tls, Row};
use crate::common::certificates::{ec, Issued};

#[test]
fn the_table() {
    let ca = Issued::root("Root CA", ec());
    let other = Issued::root("Other CA", ec());
    let namesake = Issued::root("Root CA", ec());
    let own = Issued::root("localhost", ec());
    let between = ca.intermediate();
    let between_old = ca.intermediate_valid(-20..=-1);
    let (server, client) = (ca.leaf(), ca.leaf());
    let good_server = || tls(&ca, &server, &[]);
    let good_client = || tls(&ca, &client, &[]);
    let named = |names: &[&str]| tls(&ca, &ca.leaf_for(names), &[]);

    let row = |name, server, client, broken| Row {
        name,
        server,
        client,
        server_name: None,
        broken,
    };
    let server_row = |name, server, broken| row(name, server, good_client(), broken);
    let client_row = |name, client, broken| row(name, good_server(), client, broken);
    let named_row = |name, server, server_name, broken| Row {
        server_name: Some(server_name),
        ..server_row(name, server, broken)
    };
    let rows = [
        client_row("v1, CN only", good_client(), None),
        client_row(
            "wrong CA",
            tls(&other, &client, &[]),
            Some((
                Step::Tls,
                &["is signed by O=Test, CN=Root CA, not by any certificate in CA certificate"],
            )),
        ),
        client_row(
            "another CA of the same name",
            tls(&namesake, &client, &[]),
            Some((
                Step::Tls,
                &[
                    "not signed by the O=Test, CN=Root CA in",
                    "another of the same name",
                ],
            )),
        ),
        server_row(
            "server signed by itself",
            tls(&ca, &own, &[]),
            Some((
                Step::Tls,
                &["(O=Test, CN=localhost) is signed by itself", "ca.crt"],
            )),
        ),
        server_row(
            "server expired",
            tls(&ca, &ca.leaf_valid(-20..=-1), &[]),
            Some((
                Step::Tls,
                &["the server's certificate", "expired on 20", "new one"],
            )),
        ),
        server_row(
            "server not yet valid",
            tls(&ca, &ca.leaf_valid(1..=20), &[]),
            Some((
                Step::Tls,
                &[
                    "the server's certificate",
                    "is not valid before 20",
                    "clocks",
                ],
            )),
        ),
        server_row(
            "server ends soon",
            tls(&ca, &ca.leaf_valid(-1..=20), &[]),
            None,
        ),
        server_row(
            "names",
            named(&["a.example", "localhost", "127.0.0.1"]),
            None,
        ),
        server_row(
            "wrong names",
            named(&["a.example", "*.b.example"]),
            Some((
                Step::Tls,
                &[
                    "is for a.example, *.b.example, not for localhost",
                    "give server_name a.example",
                ],
            )),
        ),
        named_row("server name", named(&["a.example"]), "a.example", None),
        named_row("wildcard", named(&["*.b.example"]), "a.b.example", None),
        named_row(
            "wildcard for a deeper name",
            named(&["*.b.example"]),
            "a.a.b.example",
            Some((
                Step::Tls,
                &[
                    "is for *.b.example, not for a.a.b.example",
                    "make Falco one",
                ],
            )),
        ),
        named_row("address", named(&["192.0.2.1"]), "192.0.2.1", None),
        named_row(
            "another address",
            named(&["192.0.2.1"]),
            "192.0.2.2",
            Some((Step::Tls, &["is for 192.0.2.1, not for 192.0.2.2"])),
        ),
        named_row(
            "v1, wrong CN",
            good_server(),
            "falco.example",
            Some((
                Step::Tls,
                &[
                    "is for localhost, not for falco.example",
                    "give server_name localhost",
                ],
            )),
        ),
        named_row(
            "address beside a CN that matches",
            named(&["192.0.2.1"]),
            "localhost",
            Some((Step::Tls, &["is for 192.0.2.1, not for localhost"])),
        ),
        client_row(
            "client of another CA",
            tls(&ca, &other.leaf(), &[]),
            Some((
                Step::Tls,
                &[
                    "refused our certificate (O=Test, CN=localhost, signed by O=Test, CN=Other CA)",
                    "grpc.root_certs",
                ],
            )),
        ),
        client_row(
            "client of another CA of the same name",
            tls(&ca, &namesake.leaf(), &[]),
            Some((
                Step::Tls,
                &[
                    "refused our certificate",
                    "grpc.root_certs",
                    "the CA configured here did not sign it",
                ],
            )),
        ),
        client_row(
            "client expired",
            tls(&ca, &ca.leaf_valid(-20..=-1), &[]),
            Some((
                Step::Certificates,
                &["certificate from memory: O=Test, CN=localhost expired on 20"],
            )),
        ),
        client_row(
            "client not yet valid",
            tls(&ca, &ca.leaf_valid(1..=20), &[]),
            Some((Step::Certificates, &["is not valid before 20"])),
        ),
        client_row(
            "CA expired",
            tls(&Issued::root_valid("Root CA", -20..=-1), &client, &[]),
            Some((
                Step::Certificates,
                &["CA certificate from memory: O=Test, CN=Root CA expired on 20"],
            )),
        ),
        server_row(
            "server's chain",
            tls(&ca, &between.leaf(), &[&between]),
            None,
        ),
        server_row(
            "server's chain is not whole",
            tls(&ca, &between.leaf(), &[]),
            Some((
                Step::Tls,
                &[
                    "is signed by O=Test, CN=Intermediate CA, not by any",
                    "whole chain",
                ],
            )),
        ),
        server_row(
            "server's chain expired",
            tls(&ca, &between_old.leaf(), &[&between_old]),
            Some((Step::Tls, &["a certificate between the server's"])),
        ),
        client_row(
            "client's chain",
            tls(&ca, &between.leaf(), &[&between]),
            None,
        ),
        client_row(
            "client's chain is not whole",
            tls(&ca, &between.leaf(), &[]),
            Some((
                Step::Tls,
                &["refused our certificate", "CN=Intermediate CA"],
            )),
        ),
        client_row(
            "client's chain expired",
            tls(&ca, &between_old.leaf(), &[&between_old]),
            Some((Step::Certificates, &["CN=Intermediate CA expired on 20"])),
        ),
        client_row(
            "key of another certificate",
            Tls::from_pem(ca.crt(), client.crt(), server.pkcs8()),
            Some((
                Step::Certificates,
                &["private key from memory: does not match"],
            )),
        ),
        client_row(
            "encrypted key",
            Tls::from_pem(ca.crt(), client.crt(), client.encrypted_pkcs8()),
            Some((
                Step::Certificates,
                &["private key from memory: is encrypted", "decrypt it"],
            )),
        ),
        client_row(
            "no client certificate",
            Tls::from_files("/none/ca.crt", "/none/client.crt", "/none/client.key"),
            Some((Step::Certificates, &["/none/ca.crt: does not exist"])),
        ),
    ];
    for row in rows {
        row.run();
    }
}
