"""HTTPS: versions, clients that wait, strange handshakes, another certificate while they wait."""
import http.client
import json
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from stack import BUILD, PATIENCE, TOKEN, VARIANT, Stack, until

WAITERS = 100
STREAMS = 10


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_pair(directory, name, days=30, key="ec"):
    """A self-signed certificate for localhost and its key."""
    kind = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"]}[key]
    pair = directory / f"{name}.crt", directory / f"{name}.key"
    openssl("req", "-x509", *kind, "-nodes", "-days", days, "-subj", f"/CN={name}",
            "-addext", "subjectAltName=DNS:localhost", "-out", pair[0], "-keyout", pair[1])
    return pair


def make_dated(directory, name, key, year):
    """A certificate for January of that year; only the tool of a CA takes dates."""
    (directory / "index").touch()
    (directory / "ca.cnf").write_text(f"""[ca]
default_ca = it
[it]
database = {directory}/index
serial = {directory}/serial
new_certs_dir = {directory}
policy = any
[any]
commonName = supplied
""")
    openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", directory / f"{name}.csr")
    openssl("ca", "-selfsign", "-batch", "-notext", "-rand_serial", "-md", "sha256", "-config", directory / "ca.cnf", "-keyfile", key,
            "-in", directory / f"{name}.csr", "-startdate", f"{year}0101000000Z", "-enddate", f"{year}0201000000Z", "-out", directory / f"{name}.crt")
    return directory / f"{name}.crt"


def use_pair(stack, pair):
    """As a certificate's renewal does it: each file by a rename."""
    for source, name in zip(pair, ("tls.crt", "tls.key")):
        (stack.dir / "new").write_bytes(source.read_bytes())
        (stack.dir / "new").rename(stack.dir / name)


def trusting(certificate, **fields):
    context = ssl.create_default_context(cafile=str(certificate))
    for name, value in fields.items():
        setattr(context, name, value)
    return context


class Client(http.client.HTTPSConnection):
    def __init__(self, stack, certificate, **fields):
        super().__init__("localhost", stack.port, timeout=60 * PATIENCE, context=trusting(certificate, **fields))

    def ask(self, path, method="GET", body=None):
        self.request(method, path, body, {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        answer = self.getresponse()
        return answer.status, answer.read(), dict(answer.headers)

    def common_name(self):
        return dict(pair[0] for pair in self.sock.getpeercert()["subject"])["commonName"]


@pytest.fixture
def secure():
    """A stack whose api speaks HTTPS, with a run that waits: there is no worker."""
    with Stack() as stack:
        stack.first = make_pair(stack.dir, "first")
        use_pair(stack, stack.first)
        stack.start_redis()
        stack.api = stack.start_api(tls_cert=stack.dir / "tls.crt", tls_key=stack.dir / "tls.key")
        client = Client(stack, stack.first[0])
        until(lambda: client.ask("/readyz")[0] == 200, 20, "the api is ready")
        project = {"repository": "acme/net", "type": "Git", "ref": "main"}
        assert client.ask("/api/v1/projects/p", "PUT", json.dumps(project))[0] == 201
        assert client.ask("/api/v1/projects/p/workspaces/w", "PUT", '{"directory": "."}')[0] == 201
        status, body, _ = client.ask("/api/v1/drift", "POST", '{"projectId": "p", "workspaceId": "w"}')
        assert status == 202
        stack.run_id = json.loads(body)["runId"]
        stack.client = client
        yield stack
        client.close()


def metric(stack, name):
    text = stack.client.ask("/metrics")[1].decode()
    return next((float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " ")), None)


class Waiter(threading.Thread):
    """Waits for the run on a connection of its own; afterwards asks once more on it."""

    def __init__(self, stack, certificate, path=None, again=True, **fields):
        super().__init__(daemon=True)
        self.path, self.answer, self.second, self.problem, self.again = path or f"/api/v1/runs/{stack.run_id}?wait=60", None, None, None, again
        self.client = Client(stack, certificate, **fields)
        self.start()

    def run(self):
        try:
            self.answer = self.client.ask(self.path)
            if self.again:
                self.second = self.client.ask("/healthz")[0]
        except (OSError, http.client.HTTPException) as problem:
            self.problem = problem


def all_end(waiters, what):
    for waiter in waiters:
        waiter.join(30 * PATIENCE)
    problems = [waiter.problem for waiter in waiters if waiter.problem] + ["still waits" for waiter in waiters if waiter.is_alive()]
    assert not problems, (what, problems[:3], len(problems))


def cancel(stack):
    assert stack.client.ask(f"/api/v1/runs/{stack.run_id}/cancel", "POST", "{}")[0] == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_only_the_two_newest_versions_are_spoken(secure):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client = Client(secure, secure.first[0], minimum_version=version, maximum_version=version)
        assert client.ask("/healthz")[0] == 200
        assert client.sock.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version]
    for old in ("TLSv1", "TLSv1_1"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, old)
        with socket.create_connection(("localhost", secure.port), 10 * PATIENCE) as plain, pytest.raises(ssl.SSLError):
            context.wrap_socket(plain)


def test_plain_http_on_its_port_is_closed_without_a_word_of_http(secure):
    with socket.create_connection(("localhost", secure.port), 10 * PATIENCE) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        said = b""
        try:
            while piece := plain.recv(4096):
                said += piece
        except ConnectionResetError:
            pass
    assert b"HTTP" not in said and b"ok" not in said
    assert secure.client.ask("/healthz")[0] == 200


def test_renegotiation_gets_nothing(secure):
    """TLS 1.2 lets a client ask for a new handshake, which costs the server more than the client."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"localhost:{secure.port}", "-tls1_2", "-CAfile", str(secure.first[0])],
        input=b"R\n", capture_output=True, timeout=30 * PATIENCE)
    assert b"RENEGOTIATING" in done.stdout + done.stderr
    assert done.stdout.count(b"\nCertificate chain") == 1, "there was no second handshake"
    assert secure.client.ask("/healthz")[0] == 200


def half_handshakes(port, count):
    """Clients that have sent a part of their hello."""
    hello = bytes([22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]) + bytes(100)
    sockets = [socket.create_connection(("localhost", port), 10) for _ in range(count)]
    for number, half in enumerate(sockets):
        half.sendall(hello[:1 + number * 3])
    return sockets


def sleeps(process):
    """How often it has had nothing to do."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])


def test_who_says_no_more_in_the_midst_of_it_keeps_nobody_awake(secure):
    """Connected only, in the hello, in the head: none is asked again and again in a busy loop."""
    silent = [*half_handshakes(secure.port, 8), *(socket.create_connection(("localhost", secure.port), 10) for _ in range(8))]
    for _ in range(8):
        client = Client(secure, secure.first[0])
        client.connect()
        client.sock.sendall(b"GET /healthz HTT")
        silent.append(client.sock)
    assert secure.client.ask("/healthz")[0] == 200
    before = sleeps(secure.api)
    until(lambda: sleeps(secure.api) - before > 20, 5, "it sleeps")
    for one in silent:
        one.close()


def vanish(half):
    """With a reset instead of a goodbye."""
    half.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    half.close()


def test_one_event_answers_all_who_wait(secure):
    before = secure.api.rss_bytes()
    waiters = [Waiter(secure, secure.first[0]) for _ in range(WAITERS)]
    until(lambda: metric(secure, "kedge_http_long_polls") == WAITERS, 60, "all of them wait")
    print(f"a TLS client that waits: {(secure.api.rss_bytes() - before) // WAITERS} bytes of memory")
    assert "asan" in VARIANT or secure.api.rss_bytes() - before < WAITERS * 256 * 1024

    streams = [Waiter(secure, secure.first[0], f"/api/v1/runs/{secure.run_id}/log?follow=1", again=False) for _ in range(STREAMS)]
    until(lambda: secure.client.ask("/metrics")[1].count(b'kedge_streams_open{kind="logs"} %d\n' % STREAMS), 30, "all of them follow")
    halves = half_handshakes(secure.port, 20)
    for half in halves[::2]:
        vanish(half)
    deserters = [Waiter(secure, secure.first[0]) for _ in range(10)]
    until(lambda: metric(secure, "kedge_http_long_polls") == WAITERS + 10, 30, "ten more wait")
    for deserter in deserters:
        deserter.client.sock.shutdown(socket.SHUT_RDWR)
    until(lambda: metric(secure, "kedge_http_long_polls") == WAITERS, 30, "those who left are forgotten")

    cancel(secure)
    all_end(waiters + streams, "the run has ended")
    assert {json.loads(waiter.answer[1])["status"] for waiter in waiters} == {"cancelled"}
    assert {waiter.answer[0] for waiter in waiters + streams} == {200}
    assert {waiter.second for waiter in waiters} == {200}, "each connection goes on"
    for half in halves[1::2]:
        half.close()
    assert secure.api.stop() == 0


def test_sigterm_with_tls_clients_that_wait(secure):
    waiters = [Waiter(secure, secure.first[0], again=False) for _ in range(20)]
    until(lambda: metric(secure, "kedge_http_long_polls") == 20, 30, "all of them wait")
    halves = half_handshakes(secure.port, 5)
    began = time.monotonic()
    assert secure.api.stop() == 0
    print(f"stopped with {len(waiters)} waiting TLS clients within {time.monotonic() - began:.2f} s")
    all_end(waiters, "the api stops")
    assert {waiter.answer[0] for waiter in waiters} == {200}
    assert all(waiter.answer[2]["Connection"] == "close" for waiter in waiters)
    for half in halves:
        half.close()


def hang_up(stack, event):
    """SIGHUP; the lines with that event, once there is one more."""
    before = len(stack.api.events(event))
    stack.api.signal(signal.SIGHUP)
    return until(lambda: stack.api.events(event)[before:], 10, event)


def presented(stack, certificate):
    client = Client(stack, certificate)
    try:
        assert client.ask("/healthz")[0] == 200
        return client.common_name()
    finally:
        client.close()


@pytest.mark.parametrize("key", ["ec", "rsa"])
def test_another_certificate_while_clients_wait(secure, key):
    second = make_pair(secure.dir, "second", days=5, key=key)
    waiters = [Waiter(secure, secure.first[0]) for _ in range(50)]
    until(lambda: metric(secure, "kedge_http_long_polls") == 50, 60, "all of them wait")
    assert 29 * 86400 < metric(secure, "kedge_tls_expiry_seconds") <= 30 * 86400
    assert not secure.api.events("tls_expires")

    use_pair(secure, second)
    assert presented(secure, secure.first[0]) == "first", "nobody has said that it changed"
    hang_up(secure, "tls_loaded")
    assert presented(secure, second[0]) == "second"
    with pytest.raises(ssl.SSLError):
        presented(secure, secure.first[0])
    assert [line["days"] for line in secure.api.events("tls_expires")] == [4]
    assert 4 * 86400 < metric(secure, "kedge_tls_expiry_seconds") <= 5 * 86400

    assert metric(secure, "kedge_http_long_polls") == 50, "they go on"
    cancel(secure)
    all_end(waiters, "the run has ended")
    assert {waiter.answer[0] for waiter in waiters} == {200} == {waiter.second for waiter in waiters}


def test_a_pair_that_is_not_right_changes_nothing(secure):
    other = make_pair(secure.dir, "other")
    (secure.dir / "text").write_text("nothing of the kind\n")
    openssl("ec", "-in", other[1], "-aes256", "-passout", "pass:word", "-out", secure.dir / "locked.key")
    ended, early = (make_dated(secure.dir, name, other[1], year) for name, year in (("ended", 2020), ("early", 2120)))
    for pair, reason in (
            ((other[0], secure.first[1]), "KEDGE_TLS_KEY is not the key"),
            ((secure.dir / "text", other[1]), "KEDGE_TLS_CERT: no PEM"),
            ((other[0], secure.dir / "text"), "KEDGE_TLS_KEY: no PEM"),
            ((other[0], secure.dir / "locked.key"), "KEDGE_TLS_KEY: no PEM private key without a password"),
            ((ended, other[1]), "has ended"),
            ((early, other[1]), "is not valid yet")):
        use_pair(secure, pair)
        before = len(secure.api.events("tls_problem"))
        hang_up(secure, "tls_kept")
        assert reason in secure.api.events("tls_problem")[before]["reason"]
        assert presented(secure, secure.first[0]) == "first"
    (secure.dir / "tls.key").unlink()
    hang_up(secure, "tls_kept")
    assert presented(secure, secure.first[0]) == "first"
    use_pair(secure, other)
    hang_up(secure, "tls_loaded")
    assert presented(secure, other[0]) == "other"


def test_a_pair_that_is_not_right_is_no_start(bare):
    one, other = make_pair(bare.dir, "one"), make_pair(bare.dir, "other")
    process = bare.spawn("api", BUILD / "kedge-api", tls_cert=one[0], tls_key=other[1])
    assert process.popen.wait(20 * PATIENCE) == 69
    assert "KEDGE_TLS_KEY is not the key" in process.events("start_failed")[0]["reason"]
