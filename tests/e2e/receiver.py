"""The receiver of hooks (tests/support/hook_receiver.py) beside a stack."""
import base64
import hashlib
import hmac
import http.client
import json

from stack import ROOT, until


class Receiver:
    def __init__(self, kedge, name="receiver", seed=1):
        process = kedge.spawn(name, "/usr/bin/python3", ROOT / "tests/support/hook_receiver.py", "--seed", seed)
        line = until(lambda: "\n" in process.log.read_text() and process.log.read_text(), 20, "the receiver prints its port")
        self.port = int(line.split("\n")[0])

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def ask(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def requests(self, path=None):
        """The requests so far, all or those whose path begins so."""
        return [one for one in self.ask("/_log") if path is None or one["path"].startswith(path)]

    def events(self, path):
        """What a generic hook with that path was told."""
        return [json.loads(one["body"]) for one in self.requests(path)]

    def types(self, path):
        return [event["type"] for event in self.events(path)]


def signature(secret, request):
    """What webhook-signature must be, by the Standard Webhooks specification."""
    headers = request["headers"]
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{request['body']}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def add_hook(kedge, url, kind="generic", **fields):
    answer = kedge.post("/api/v1/hooks", {"url": url, "kind": kind, **fields})
    assert answer.status == 201, answer
    return answer.json
