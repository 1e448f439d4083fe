#!/usr/bin/env python3
"""Serves git repositories over HTTP with `git http-backend`, and misbehaves on request.

    git_http.py ROOT [--password PASSWORD] [--log FILE]

Binds 127.0.0.1 on a free port and prints it as the first line. What a URL does may be said
by the first segment of its path; the rest is a path below ROOT:

    /plain/…         serves everybody
    /auth/…          serves whoever sends PASSWORD, with any user name; else 401
    /status/NNN/…    answers NNN
    /redirect/…      302 to /plain/…
    /hang/…          reads the request and never answers
    /cut/…           promises more bytes than it sends, and closes
    /…               as auth when there is a PASSWORD, else as plain

With --log each request is a line: "METHOD PATH USER", USER "-" without a login. When
standard input is a pipe the server ends with it, so that it never outlives a test.
"""

import argparse
import base64
import http.server
import os
import pathlib
import stat
import subprocess
import sys
import threading
import urllib.parse


def read_chunked(stream):
    body = b""
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    options = None

    def log_message(self, *_):
        """Standard error stays quiet."""

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return read_chunked(self.rfile)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def login(self):
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None, None
        user, _, password = base64.b64decode(value).decode().partition(":")
        return user, password

    def note(self):
        if self.options.log:
            line = f"{self.command} {self.path} {self.login()[0] or '-'}\n"
            with open(self.options.log, "a", encoding="utf-8") as log:
                log.write(line)

    def answer(self, status, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle_request(self):
        self.note()
        parsed = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(parsed.path).lstrip("/")
        kind, _, rest = path.partition("/")
        action = getattr(self, "kind_" + kind, None)
        if action is None:
            action, rest = self.kind_auth if self.options.password else self.kind_plain, path
        action(rest, parsed.query, self.body())

    do_GET = do_POST = handle_request

    def kind_plain(self, path, query, body):
        self.serve(path, query, body)

    def kind_auth(self, path, query, body):
        if self.login()[1] != self.options.password:
            self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')])
        else:
            self.serve(path, query, body)

    def kind_status(self, path, _query, _body):
        self.answer(int(path.split("/")[0]))

    def kind_redirect(self, path, query, _body):
        self.answer(302, [("Location", f"/plain/{path}?{query}")])

    def kind_hang(self, *_):
        self.rfile.read(1)  # until the client goes away

    def kind_cut(self, *_):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b"001e# service=git-upload-pack\n0000")
        self.close_connection = True

    def serve(self, path, query, body):
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "GIT_PROJECT_ROOT": str(self.options.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": "/" + path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        backend = subprocess.run(["git", "http-backend"], input=body, env=environment,
                                 stdout=subprocess.PIPE, check=False)
        head, _, content = backend.stdout.partition(b"\r\n\r\n")
        status = 200
        headers = []
        for line in head.decode("latin-1").splitlines():
            name, _, value = line.partition(":")
            if name.lower() == "status":
                status = int(value.split()[0])
            else:
                headers.append((name, value.strip()))
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--password")
    parser.add_argument("--log")
    Handler.options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    print(server.server_address[1], flush=True)
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        sys.stdin.read()
    else:
        thread.join()
    os._exit(0)  # requests may hang on purpose


if __name__ == "__main__":
    main()
