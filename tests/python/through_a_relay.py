"""A Python client on grpcio, made from the published messages, reads through a relay what was posted.

Run by script/test-python, which gives the command and the folder of the generated modules.
"""

import http.client
import pathlib
import subprocess
import sys
import tempfile

command, generated = sys.argv[1:]
sys.path.insert(0, generated)

import grpc  # noqa: E402
import outputs_pb2  # noqa: E402
import outputs_pb2_grpc  # noqa: E402
import version_pb2  # noqa: E402
import version_pb2_grpc  # noqa: E402

LIMIT = 60
recordings = pathlib.Path(__file__).parent.parent / "recordings"
lines = []
for name in ["dummy_json", "internal", "replay_falco-cat_write", "replay_libs-sample"]:
    lines += (recordings / f"{name}.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")

with tempfile.TemporaryDirectory() as folder:
    socket = f"unix://{folder}/falco.sock"
    relay = subprocess.Popen(
        [command, "relay", "--from", "listen+http://127.0.0.1:0", "--to", socket, "--falco", "0.44.0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said = relay.stderr.readline()
        while "from listen+http://" not in said:
            assert said, "the relay has ended"
            said = relay.stderr.readline()
        falco = http.client.HTTPConnection(said.rsplit("/", 1)[1].strip(), timeout=LIMIT)

        def post(batch):
            for line in batch:
                headers = {"Content-Type": "application/json"}
                falco.request("POST", "/", line.encode(), headers)
                answer = falco.getresponse()
                answer.read()
                assert answer.status == 200, answer.status

        channel = grpc.insecure_channel(socket.replace("unix://", "unix:"))
        version = version_pb2_grpc.serviceStub(channel)
        answer = version.version(version_pb2.request(), timeout=LIMIT)
        assert answer.version == "0.44.0", answer

        outputs = outputs_pb2_grpc.serviceStub(channel)
        half = len(lines) // 2
        post(lines[:half])
        read = list(outputs.get(outputs_pb2.request(), timeout=LIMIT))
        post(lines[half:])
        subscription = outputs.sub(iter([outputs_pb2.request()]), timeout=LIMIT)
        for alert in subscription:
            read.append(alert)
            if len(read) == len(lines):
                subscription.cancel()
                break
        assert [alert.output for alert in read] == lines, "other lines were read"
        assert all(alert.rule and alert.time.seconds for alert in read)
        print(f"{len(read)} alerts were posted, and read over gRPC by Python")
    finally:
        relay.terminate()
        relay.wait(LIMIT)
