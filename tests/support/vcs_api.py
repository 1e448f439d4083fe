#!/usr/bin/env python3
"""Stands in for the REST APIs of GitHub and GitLab, as far as pull requests go.

    vcs_api.py [--log FILE]

Binds 127.0.0.1 on a free port and prints it as the first line. Written from the published
documentation: GitHub's "Pulls", "Pull request reviews", "Using pagination", "Rate limits" and
"Troubleshooting the REST API"; GitLab's "Merge requests API", "Merge request approvals API" and
"REST API". KEDGE_GITHUB_API_URL is http://127.0.0.1:PORT, KEDGE_GITLAB_API_URL the same with
/api/v4.

PUT /_control sets everything anew. A JSON object, all of it optional:

    token           requests without it are refused as the real ones do
    page_max        the most entries of a page, whatever per_page says (100)
    pulls           {"owner/repo#7": {"pull": {…}, "steps": [{…}, …], "reviews": [{…}, …]}}
    merge_requests  {"group/repo!7": {"request": {…}, "steps": [{…}, …], "approvals": {…}}}
    faults          [{"match": part of a path, "kind": …, "times": 1, …}, …]

`pull` and `request` are laid over a whole object as the documentation shows it; the n-th step is
laid over it for the n-th time it is read, the last one for ever. A review is {"user", "state",
"commit"}, or {"user": null, …} of an account that is gone. An approval list is {"approved",
"approved_by": [names], "approvals_left"}.

The first fault that matches a request and has times left happens to it (times -1: always):

    status       status, headers, body
    limited      429 with retry_after (a number)
    secondary    GitHub's secondary limit: 403, retry_after if given
    exhausted    GitHub's primary limit: 403, X-RateLimit-Remaining 0, reset in reset_seconds
    garbage      200 and an HTML page
    truncated    200 and half of a JSON text, as if it were all
    short        200, promises more bytes than it sends
    huge         200, a Content-Length of 1 GiB
    endless      200, chunks without end
    redirect     301 to location, or to the same path below /_moved
    hang         never answers
    slow         200, a byte every 50 ms
    reset        closes the connection

With --log each request is a line: METHOD PATH AUTHORIZATION, the last a header's name or "-", never
what it holds. GET /_log answers the same lines. When standard input is a pipe the server ends with
it, so that it never outlives a test.
"""

import argparse
import http.server
import json
import os
import re
import stat
import sys
import threading
import time
import urllib.parse

HEAD = "c" * 40

GITHUB_LIMITS = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999", "X-RateLimit-Used": "1",
                 "X-RateLimit-Resource": "core"}


def github_user(name):
    if name is None:
        return None
    return {"login": name, "id": 1000 + sum(ord(c) * 31 ** i for i, c in enumerate(name)) % 10**9,
            "type": "User", "site_admin": False, "url": f"https://api.github.com/users/{name}"}


def github_pull(name, number, over):
    pull = {
        "id": 1, "node_id": "MDExOlB1bGxSZXF1ZXN0MQ==", "number": number, "state": "open", "locked": False,
        "title": "Amazing new feature", "user": github_user("octocat"), "body": "Please pull these in!",
        "labels": [], "milestone": None, "active_lock_reason": None, "created_at": "2011-01-26T19:01:12Z",
        "closed_at": None, "merged_at": None, "assignee": None, "assignees": [], "requested_reviewers": [],
        "head": {"label": "octocat:new-topic", "ref": "new-topic", "sha": HEAD, "user": github_user("octocat")},
        "base": {"label": "octocat:main", "ref": "main", "sha": "b" * 40, "repo": {"full_name": name}},
        "author_association": "OWNER", "auto_merge": None, "draft": False, "merged": False, "mergeable": True,
        "rebaseable": True, "mergeable_state": "clean", "merged_by": None, "comments": 10, "commits": 3,
    }
    sha = over.pop("sha", None)
    if sha:
        pull["head"]["sha"] = sha
    return pull | over


def github_review(number, review):
    return {
        "id": number, "node_id": "MDE3OlB1bGxSZXF1ZXN0UmV2aWV3ODA=", "user": github_user(review.get("user")),
        "body": "Here is the body for the review.", "state": review.get("state"),
        "submitted_at": "2019-11-17T17:43:43Z", "commit_id": review.get("commit", HEAD),
        "author_association": "COLLABORATOR",
    }


def gitlab_request(iid, over):
    request = {
        "id": 155016530, "iid": iid, "project_id": 15513260, "title": "Manual job rules", "description": "",
        "state": "opened", "created_at": "2022-05-13T07:26:38.402Z", "target_branch": "main",
        "source_branch": "manual-job-rules", "author": {"id": 4155490, "username": "marcel.amirault"},
        "draft": False, "work_in_progress": False, "merge_when_pipeline_succeeds": False,
        "merge_status": "can_be_merged", "detailed_merge_status": "mergeable", "sha": HEAD,
        "merge_commit_sha": None, "has_conflicts": False, "blocking_discussions_resolved": True,
        "approvals_before_merge": None, "user": {"can_merge": True},
    }
    return {key: value for key, value in (request | over).items() if value != "absent"}


def gitlab_approvals(iid, approvals):
    people = [{"user": {"id": 1 + n, "username": name, "state": "active"}, "approved_at": "2024-01-01T00:00:00Z"}
              for n, name in enumerate(approvals.get("approved_by", []))]
    return {
        "id": 5, "iid": iid, "project_id": 1, "title": "Approvals API", "state": "opened",
        "merge_status": "cannot_be_merged", "approvals_required": 2, "has_approval_rules": True,
        "approvals_left": approvals.get("approvals_left", 0), "approved": approvals.get("approved", False),
        "approved_by": people, "user_has_approved": False, "user_can_approve": False,
    }


class State:
    """What PUT /_control said, and what has been asked since."""

    def __init__(self, wanted):
        self.token = wanted.get("token")
        self.page_max = wanted.get("page_max", 100)
        self.pulls = wanted.get("pulls", {})
        self.requests = wanted.get("merge_requests", {})
        self.faults = wanted.get("faults", [])
        self.reads = {}
        self.lines = []

    def fault(self, path):
        for fault in self.faults:
            if fault.get("match", "") in path and fault.setdefault("times", 1) != 0:
                fault["times"] -= 1
                return fault
        return None

    def step(self, key, entry):
        """What is laid over the object this time."""
        steps = entry.get("steps", [])
        nth = self.reads[key] = self.reads.get(key, 0) + 1
        return dict(steps[min(nth, len(steps)) - 1]) if steps else {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = State({})
    lock = threading.Lock()
    log = None

    def log_message(self, *_):
        """Standard error stays quiet."""

    # ---- answering ----

    def answer(self, status, body, headers=None):
        text = body if isinstance(body, str) else json.dumps(body)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, str(value))
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def note(self):
        header = next((name for name in ("Authorization", "PRIVATE-TOKEN") if self.headers.get(name)), "-")
        line = f"{self.command} {self.path} {header}"
        with self.lock:
            self.state.lines.append(line)
        if self.log:
            with open(self.log, "a", encoding="utf-8") as log:
                log.write(line + "\n")

    # ---- the control path ----

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/_control":
            return self.answer(404, {"message": "Not Found"})
        with self.lock:
            Handler.state = State(json.loads(body))
        return self.answer(200, {})

    def do_GET(self):
        if self.path == "/_log":
            return self.answer(200, "".join(line + "\n" for line in self.state.lines))
        self.note()
        with self.lock:
            fault = self.state.fault(self.path)
        if fault:
            return getattr(self, "fault_" + fault["kind"])(fault)
        parsed = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(parsed.query))
        github = re.fullmatch(r"(?:/api/v3)?/repos/([^/]+/[^/]+)/pulls/(\d+)(/reviews)?", parsed.path)
        gitlab = re.fullmatch(r"/api/v4/projects/([^/]+)/merge_requests/(\d+)(/approvals)?", parsed.path)
        if github:
            return self.github(github[1], int(github[2]), bool(github[3]))
        if gitlab:
            return self.gitlab(urllib.parse.unquote(gitlab[1]), int(gitlab[2]), bool(gitlab[3]))
        return self.answer(404, {"message": "Not Found"})

    # ---- GitHub ----

    def github(self, name, number, reviews):
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        key = f"{name}#{number}"
        if not self.headers.get("User-Agent"):
            return self.answer(403, {"message": "Request forbidden by administrative rules."})
        if token and (kind.lower() not in ("bearer", "token") or token != self.state.token):
            return self.answer(401, {"message": "Bad credentials", "status": "401"})
        if key not in self.state.pulls or (self.state.token and not token):
            return self.answer(404, {"message": "Not Found", "status": "404"})  # a private one is hidden
        entry = self.state.pulls[key]
        headers = GITHUB_LIMITS | {"X-RateLimit-Reset": int(time.time()) + 3000}
        if reviews:
            return self.github_reviews(entry.get("reviews", []), headers)
        with self.lock:
            over = dict(entry.get("pull", {})) | self.state.step(key, entry)
        return self.answer(200, github_pull(name, number, over), headers)

    def github_reviews(self, reviews, headers):
        size = min(int(self.query.get("per_page", 30)), self.state.page_max)
        page = int(self.query.get("page", 1))
        first = (page - 1) * size
        if first + size < len(reviews):
            # Where it leads is not for the client to trust.
            headers["Link"] = (f'<http://localhost:1/_elsewhere?page={page + 1}>; rel="next", '
                               f'<http://localhost:1/_elsewhere?page=99>; rel="last"')
        listed = [github_review(first + n, review) for n, review in enumerate(reviews[first:first + size])]
        self.answer(200, listed, headers)

    # ---- GitLab ----

    def gitlab(self, name, iid, approvals):
        token = self.headers.get("PRIVATE-TOKEN")
        key = f"{name}!{iid}"
        if token and token != self.state.token:
            return self.answer(401, {"message": "401 Unauthorized"})
        if key not in self.state.requests or (self.state.token and not token):
            return self.answer(404, {"message": "404 Project Not Found"})
        entry = self.state.requests[key]
        if approvals:
            return self.answer(200, gitlab_approvals(iid, entry.get("approvals", {})))
        with self.lock:
            over = entry.get("request", {}) | self.state.step(key, entry)
        return self.answer(200, gitlab_request(iid, over))

    # ---- faults ----

    def fault_status(self, fault):
        self.answer(fault["status"], fault.get("body", {"message": "Server Error"}), fault.get("headers"))

    def fault_limited(self, fault):
        self.answer(429, {"message": "Retry later"}, {"Retry-After": fault["retry_after"]})

    def fault_secondary(self, fault):
        headers = {"Retry-After": fault["retry_after"]} if "retry_after" in fault else {}
        self.answer(403, {"message": "You have exceeded a secondary rate limit. Please wait a few minutes "
                                     "before you try again."}, headers)

    def fault_exhausted(self, fault):
        self.answer(403, {"message": "API limit exceeded"},
                    GITHUB_LIMITS | {"X-RateLimit-Remaining": "0",
                                     "X-RateLimit-Reset": int(time.time()) + fault["reset_seconds"]})

    def fault_garbage(self, _fault):
        self.answer(200, "<html><body>Sign in</body></html>")

    def fault_truncated(self, _fault):
        text = json.dumps(github_pull("owner/repo", 1, {}))
        self.answer(200, text[:len(text) // 2])

    def begin(self, headers):
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True

    def fault_short(self, _fault):
        self.begin({"Content-Length": "100000"})
        self.wfile.write(b'{"state": "open",')

    def fault_huge(self, _fault):
        self.begin({"Content-Length": str(1024**3)})
        self.pour(lambda: self.wfile.write(b" " * 65536))

    def fault_endless(self, _fault):
        self.begin({"Transfer-Encoding": "chunked"})
        self.pour(lambda: self.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n"))

    def fault_slow(self, _fault):
        def drip():
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.05)
        self.begin({"Content-Length": "1000000"})
        self.pour(drip)

    def pour(self, some):
        try:
            while True:
                some()
        except OSError:
            pass  # the client has had enough

    def fault_redirect(self, fault):
        self.answer(301, {"message": "Moved Permanently"}, {"Location": fault.get("location", "/_moved" + self.path)})

    def fault_hang(self, _fault):
        self.rfile.read(1)  # until the client goes away

    def fault_reset(self, _fault):
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # the client has had enough
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log")
    Handler.log = parser.parse_args().log
    server = Server(("127.0.0.1", 0), Handler)
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
