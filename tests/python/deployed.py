"""Validates the Kubernetes manifests in deploy/, and runs the relays that they describe.

    deployed.py FALCO_CLIENT
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import kubernetes_validate
import yaml

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy" / "kubernetes"
VERSIONS = ["1.29", "1.32"]
ALERT = {"rule": "Test", "priority": "Notice", "output": "a test", "time": "2026-01-01T00:00:00Z", "output_fields": {}}


def documents(name):
    return [document for document in yaml.safe_load_all((DEPLOY / name).read_text()) if document]


def validate(document):
    for version in VERSIONS:
        kubernetes_validate.validate(document, version, strict=True)


def pod_of(values):
    """The pod that Falco's chart makes of these values, as far as they go in."""
    falco = {"name": "falco", "image": "falcosecurity/falco"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "falco"},
        "spec": {
            "initContainers": values["extra"]["initContainers"],
            "containers": [falco],
            "volumes": values["mounts"]["volumes"],
        },
    }


def get(address, path):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=60) as answer:
        return answer.status


def post(url):
    body = json.dumps(ALERT).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=60) as answer:
        return answer.status


def run(client, container, folder):
    """Runs a container's arguments here, on free ports, and asks what its probes ask."""
    delivered = folder / "delivered.jsonl"
    args = []
    for arg in container["args"]:
        option, _, value = arg.partition("=")
        if option == "--from":
            value = "listen+http://127.0.0.1:0"
        elif option == "--to":
            value = str(delivered)
        elif option == "--spool":
            value = str(folder / "spool" / "relay")
        elif option == "--metrics":
            value = "127.0.0.1:0"
        args.append(f"{option}={value}" if value else option)
    relay = subprocess.Popen([client, *args], stderr=subprocess.PIPE, text=True)
    ports = {}
    seen = []
    while len(ports) < 2:
        said = relay.stderr.readline()
        assert said, f"it has ended: {seen}"
        seen.append(said)
        words = said.split()
        if "from listen+http://" in said:
            ports["alerts"] = next(word for word in words if word.startswith("listen+http://")).split("//")[1]
        elif "/metrics" in said:
            ports["metrics"] = next(word for word in words if word.startswith("http://")).split("/")[2]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe in container:
            ask = container[probe]["httpGet"]
            port = ports[ask["port"].removeprefix("relay-")]
            assert get(port, ask["path"]) == 200, f"{probe} {ask}"
    assert post(f"http://{ports['alerts']}/") == 200
    relay.terminate()
    rest = relay.communicate(timeout=120)[1]
    assert relay.returncode == 0, rest
    assert json.loads(delivered.read_text())["rule"] == "Test"


def main():
    client = sys.argv[1]
    for document in documents("relay.yaml"):
        validate(document)
    deployment = next(document for document in documents("relay.yaml") if document["kind"] == "Deployment")
    (service,) = [document for document in documents("relay.yaml") if document["kind"] == "Service"]
    (values,) = documents("falco-values.yaml")
    url = values["falco"]["http_output"]["url"]
    host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    assert host == service["metadata"]["name"] and int(port) == service["spec"]["ports"][0]["port"], url
    (sidecar,) = documents("sidecar-values.yaml")
    pod = pod_of(sidecar)
    validate(pod)
    for container in (deployment["spec"]["template"]["spec"]["containers"][0], pod["spec"]["initContainers"][0]):
        with tempfile.TemporaryDirectory() as folder:
            run(client, container, pathlib.Path(folder))
    print("the manifests are valid, and their relays answer the probes and deliver")


main()
