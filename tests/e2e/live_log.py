"""Following the log of a run: an apply that talks for a while, and clients that listen."""
import http.client
import json
import socket

from stack import TOKEN, until

# What a child of terraform prints: UTF-8, CR and CRLF, empty lines, lines longer than a piece.
TALK = r"""
i=0
while [ $i -lt "$1" ]; do
    i=$((i + 1))
    printf 'line %d of %d: é ü 漢字 🚀\n' $i "$1"
    [ $((i % 7)) -eq 0 ] && printf '\n10%%\r20%%\r30%%\r\n\n'
    [ $((i % 23)) -eq 0 ] && printf '%020000d€\n' 7
    sleep "$2"
done
[ -z "$3" ] || cat "$3"
echo 'that was all'
"""

TALKS = """
terraform {
  backend "local" { path = "%(state)s" }
}
resource "terraform_data" "it" {
  triggers_replace = timestamp()
  provisioner "local-exec" {
    command = "sh talk.sh %(arguments)s"
  }
}
"""


def start_talk(kedge, lines, pause=0.02, gate="", directory=".", repository="acme/talk", script=TALK, **options):
    """The id of a run that applies what prints so many lines, seconds apart; it waits at the gate in the end."""
    arguments = f"{lines} {pause} {kedge.world / gate if gate else ''}"
    state = f"{kedge.dir}/state/{repository.replace('/', '-')}-{directory}.tfstate"
    kedge.repository(repository, {f"{directory}/main.tf": TALKS % {"state": state, "arguments": arguments},
                                  f"{directory}/talk.sh": script})
    answer = kedge.post("/api/apply", {"Repository": repository, "Ref": "main", "Type": "Git", "Paths": [{"Directory": directory}]},
                        headers={"Prefer": "respond-async"}, **options)
    assert answer.status == 202, answer
    batch = answer.json["data"]["runId"]
    return until(lambda: (kedge.run(batch).get("runs") or [None])[0], 30, "the apply is queued")


def stored_log(kedge, run_id, **options):
    """Of a run that has ended: the bytes of its log."""
    answer = kedge.get(f"/api/v1/runs/{run_id}/log", **options)
    assert answer.status == 200, answer
    return answer.body


class Broken(Exception):
    """The stream broke off where it should not have."""


class Events:
    """Server-sent events of one connection, as the standard has them read."""

    def __init__(self, port, run_id, last=None, timeout=60, receive_bytes=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        if receive_bytes:
            self.connection.sock = socket.socket()
            self.connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            self.connection.sock.settimeout(timeout)
            self.connection.sock.connect(("127.0.0.1", port))
        headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/event-stream"}
        if last:
            headers["Last-Event-ID"] = last
        self.connection.request("GET", f"/api/v1/runs/{run_id}/log", headers=headers)
        self.response = self.connection.getresponse()
        self.last = last
        self.comments = 0
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"] == "text/event-stream"

    def __iter__(self):
        """(name, id, data)"""
        name, data = "message", []
        while True:
            try:
                line = self.response.readline()
            except (http.client.IncompleteRead, ConnectionError):
                return
            if not line.endswith(b"\n"):
                return
            line = line[:-1]
            if not line and data:
                yield name, self.last, b"\n".join(data)
            if not line:
                name, data = "message", []
            field, _, value = line.partition(b":")
            value = value[1:] if value.startswith(b" ") else value
            if line.startswith(b":"):
                self.comments += 1
            elif field == b"data":
                data.append(value)
            elif field == b"event":
                name = value.decode()
            elif field == b"id":
                self.last = value.decode()

    def close(self):
        if self.connection.sock:
            self.connection.sock.close()
        self.response.close()
        self.connection.close()


class Follower:
    """A client that comes again after each break with the id of the last event it saw."""

    def __init__(self):
        self.last, self.bytes, self.gaps, self.attempts, self.end, self.breaks = None, b"", [], [], None, 0

    def listen(self, port, run_id, events=None, **options):
        """Until the end, a break, or so many events. True: the log has ended."""
        stream = Events(port, run_id, self.last, **options)
        try:
            for count, (name, self.last, data) in enumerate(stream, 1):
                data.decode()  # each event is whole characters
                if name == "message":
                    self.bytes += data
                elif name == "gap":
                    self.gaps.append(json.loads(data)["bytes"])
                elif name == "attempt":
                    self.attempts.append(int(data))
                    self.bytes = b""
                elif name == "end":
                    self.end = json.loads(data)
                    assert not list(stream), "something came after the end"
                    return True
                if count == events:
                    break
        finally:
            stream.close()
        self.breaks += 1
        return False

    def listen_to_end(self, port, run_id, **options):
        while not self.listen(port, run_id, **options):
            pass
        return self
