"""The server of chat completions (tests/support/model_server.py) beside a stack."""
import http.client
import json

from stack import ROOT, until

STOP = [["finish", "stop"], ["done"]]


class Model:
    def __init__(self, kedge, name="model"):
        process = kedge.spawn(name, "/usr/bin/python3", ROOT / "tests/support/model_server.py")
        line = until(lambda: "\n" in process.log.read_text() and process.log.read_text(), 20, "the model server prints its port")
        self.port = int(line.split("\n")[0])
        self.url = f"http://127.0.0.1:{self.port}"

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body)
            return connection.getresponse().read()
        finally:
            connection.close()

    def says(self, *steps):
        """From now on each request is answered so."""
        self.ask("PUT", "/_script", json.dumps({"steps": steps}))

    def open_gates(self):
        self.ask("GET", "/_open")

    def requests(self):
        return json.loads(self.ask("GET", "/_log"))

    def last(self):
        return self.requests()[-1]

    def last_prompt(self):
        """(the body, the system message, the resources as the model was shown them)"""
        body = json.loads(self.last()["body"])
        system, user = body["messages"]
        data = user["content"].split("\n")
        assert data[1].startswith("BEGIN ") and data[3] == data[1].replace("BEGIN", "END"), data
        return body, system["content"], json.loads(data[2])
