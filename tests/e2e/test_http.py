"""Contract of HTTP in general: envelope, tokens, limits, ids, idempotency, paging, waiting."""
import concurrent.futures
import http.client
import json
import re
import socket
import ssl
import subprocess
import time

import pytest

from stack import TOKEN, Stack, until

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def api():
    """Redis and the api alone: what is queued stays queued."""
    with Stack() as stack:
        stack.start_redis()
        stack.start_api(read_token="read-only-token-0123456789")
        until(lambda: stack.get("/readyz").status == 200)
        stack.put("/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
        stack.put("/api/v1/projects/p/workspaces/w", {"directory": "."})
        yield stack


def is_error(answer, status, code):
    assert answer.status == status, answer
    body = answer.json
    assert set(body) == {"success", "data", "error", "request_id", "timestamp"}
    assert body["success"] is False and body["data"] is None and body["error"]["code"] == code
    assert body["error"]["message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["timestamp"])
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return body["error"]


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1/nothing", "/api/v1/runs/", "/healthz/x", "/%00", "/api/v1/runs/not-a-uuid"])
def test_an_unknown_path_is_404(api, path):
    is_error(api.get(path), 404, "NOT_FOUND")


def test_a_wrong_method_is_405_and_says_which_are_right(api):
    answer = api.request("DELETE", "/api/v1/drift")
    is_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert {"GET", "POST"} <= set(re.split(r",\s*", answer.headers["Allow"]))


@pytest.mark.parametrize("headers,status", [
    ({}, 401), ({"Authorization": "Bearer wrong"}, 401), ({"X-Atlantis-Token": "wrong"}, 401),
    ({"Authorization": f"Basic {TOKEN}"}, 401), ({"X-Atlantis-Token": TOKEN}, 200), ({"Authorization": f"Bearer {TOKEN}"}, 200),
    ({"Authorization": f"bearer {TOKEN}"}, 200), ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401)])
def test_tokens(api, headers, status):
    answer = api.get("/api/v1/projects", token=None, headers=headers)
    assert answer.status == status, answer
    if status == 401:
        is_error(answer, 401, "UNAUTHORIZED")


def test_the_read_token_reads_only(api):
    assert api.get("/api/v1/projects", token="read-only-token-0123456789").status == 200
    answer = api.post("/api/v1/drift", {"projectId": "p", "workspaceId": "w"}, token="read-only-token-0123456789")
    assert answer.status in (401, 403), answer


def test_without_a_secret_everything_that_needs_one_is_disabled(bare):
    bare.start_redis()
    bare.start_api(api_secret=None)
    error = is_error(bare.get("/api/v1/projects"), 503, "SERVICE_UNAVAILABLE")
    assert error["message"] == "API is disabled: KEDGE_API_SECRET is not set"
    assert bare.get("/healthz").json == {"status": "ok"}


def test_all_bad_fields_are_named_at_once(api):
    error = is_error(api.put("/api/v1/projects/p/workspaces/bad", {
        "directory": "../x", "workspace": "-w", "varFiles": "no list", "maxDestroy": -1, "unknown": 1}), 400, "VALIDATION_ERROR")
    assert {detail["field"].split("[")[0] for detail in error["details"]} == {
        "directory", "workspace", "varFiles", "maxDestroy", "unknown"}
    assert all(detail["message"] for detail in error["details"])
    error = is_error(api.post("/api/v1/drift", {}), 400, "VALIDATION_ERROR")
    assert {detail["field"] for detail in error["details"]} == {"projectId", "workspaceId"}


@pytest.mark.parametrize("body,type_,status,code", [
    (b"", "application/json", 400, "VALIDATION_ERROR"),
    (b"{", "application/json", 400, "VALIDATION_ERROR"),
    (b"[]", "application/json", 400, "VALIDATION_ERROR"),
    (b'{"projectId":"p","workspaceId":"w"} x', "application/json", 400, "VALIDATION_ERROR"),
    (b'{"projectId":"p","projectId":"p","workspaceId":"w"}', "application/json", 400, "VALIDATION_ERROR"),
    (b'{"projectId":"p","workspaceId":"\xff"}', "application/json", 400, "VALIDATION_ERROR"),
    (b'{"projectId":1,"workspaceId":"w"}', "application/json", 400, "VALIDATION_ERROR"),
    (b'{"ProjectId":"p","workspaceId":"w"}', "application/json", 400, "VALIDATION_ERROR"),
    (b"[" * 40 + b"]" * 40, "application/json", 400, "VALIDATION_ERROR"),
    (b'{"projectId":"p","workspaceId":"w"}', "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b"a=b", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b'{"projectId":"p","workspaceId":"nope"}', "application/json", 404, "NOT_FOUND"),
    (b'{"projectId":"nope","workspaceId":"w"}', "application/json; charset=utf-8", 404, "NOT_FOUND"),
    (b" " * (1024 * 1024 + 1), "application/json", 413, "PAYLOAD_TOO_LARGE"),
])
def test_bad_bodies(api, body, type_, status, code):
    is_error(api.request("POST", "/api/v1/drift", body, {"Content-Type": type_}), status, code)


def test_a_chunked_body_above_the_limit_is_413(api):
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=20)
    try:
        connection.request("POST", "/api/v1/drift", iter([b" " * 65536] * 40), {
            "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # answered and closed before all was sent
    finally:
        connection.close()
    assert api.get("/healthz").status == 200


def test_a_body_sent_byte_by_byte_is_read(api):
    body = b'{"projectId":"p","workspaceId":"w"}'
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as link:
        link.sendall(f"POST /api/v1/drift HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n".encode())
        for byte in body:
            link.sendall(bytes([byte]))
            time.sleep(0.002)
        assert link.recv(4096).startswith(b"HTTP/1.1 202")


def test_a_body_larger_than_the_connections_buffer_is_read(api):
    answer = api.put("/api/v1/projects/p/workspaces/large", {"directory": ".", "variables": {f"v{i}": "x" * 100 for i in range(200)}})
    assert answer.status in (200, 201), answer
    assert len(api.get("/api/v1/projects/p/workspaces/large").json["variables"]) == 200


@pytest.mark.parametrize("given,kept", [("abc-1.2_3", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("", False)])
def test_request_ids_are_echoed_or_made(api, given, kept):
    answer = api.get("/api/v1/nothing", headers={"X-Request-Id": given})
    assert (answer.headers["X-Request-Id"] == given) is kept
    assert kept or re.fullmatch(UUID, answer.headers["X-Request-Id"])


def test_an_idempotency_key_gives_the_same_run(api):
    api.put("/api/v1/projects/p/workspaces/idem", {"directory": "idem"})
    body = {"projectId": "p", "workspaceId": "idem"}
    first = api.post("/api/v1/drift", body, headers={"Idempotency-Key": "k1"})
    assert first.status == 202 and first.headers["Location"].endswith("/api/v1/runs/" + first.json["runId"])
    api.post(f"/api/v1/drift/{first.json['runId']}/cancel")
    again = api.post("/api/v1/drift", body, headers={"Idempotency-Key": "k1"})
    assert (again.status, again.json) == (202, first.json)
    fresh = api.post("/api/v1/drift", body, headers={"Idempotency-Key": "k2"})
    assert fresh.json["runId"] != first.json["runId"]
    is_error(api.post("/api/v1/drift", {"projectId": "p", "workspaceId": "w"}, headers={"Idempotency-Key": "k1"}),
             422, "IDEMPOTENCY_MISMATCH")


def test_many_equal_requests_at_once_make_one_run(api):
    api.put("/api/v1/projects/p/workspaces/many", {"directory": "many"})
    body = {"projectId": "p", "workspaceId": "many"}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: api.post("/api/v1/drift", body), range(64)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["runId"] for answer in answers}) == 1
    assert sum("coalesced" not in answer.json for answer in answers) == 1


def test_the_queue_has_a_limit(bare):
    bare.start_redis()
    bare.start_api(max_queued=30)
    bare.put("/api/v1/projects/p", {"repository": "acme/net", "type": "Git", "ref": "main"})
    statuses = []
    for number in range(6):
        bare.put(f"/api/v1/projects/p/workspaces/w{number}", {"directory": f"d{number}"})
        statuses.append(bare.post("/api/v1/drift", {"projectId": "p", "workspaceId": f"w{number}"}))
    assert [answer.status for answer in statuses] == [202] * 3 + [429] * 3  # a tenth of it per project
    assert is_error(statuses[-1], 429, "RATE_LIMITED") and int(statuses[-1].headers["Retry-After"]) > 0


def test_a_project_and_its_workspaces_live_and_die(api):
    body = {"repository": "acme/life", "type": "git", "ref": "main", "name": "Life"}
    created = api.put("/api/v1/projects/life", body)
    assert created.status == 201 and created.json["repository"] == "acme/life" and created.json["type"] == "Git"
    assert api.put("/api/v1/projects/life", body).status == 200
    assert api.get("/api/v1/projects/life").json == api.put("/api/v1/projects/life", body).json
    assert api.put("/api/v1/projects/life/workspaces/a", {"directory": "./a//b/"}).json["directory"] == "a/b"
    assert api.get("/api/v1/projects/life/workspaces/a").json["workspace"] == "default"
    listed = api.get("/api/v1/projects/life/workspaces")
    assert "a" in listed.text and listed.status == 200
    run = api.post("/api/v1/drift", {"projectId": "life", "workspaceId": "a"}).json["runId"]
    is_error(api.request("DELETE", "/api/v1/projects/life/workspaces/a"), 409, "CONFLICT")
    assert api.request("DELETE", "/api/v1/projects/life/workspaces/a?force=true").status in (200, 204)
    assert api.run(run)["status"] == "cancelled"
    is_error(api.get("/api/v1/projects/life/workspaces/a"), 404, "NOT_FOUND")
    assert api.request("DELETE", "/api/v1/projects/life").status in (200, 204)
    is_error(api.get("/api/v1/projects/life"), 404, "NOT_FOUND")
    is_error(api.request("DELETE", "/api/v1/projects/life"), 404, "NOT_FOUND")


@pytest.mark.parametrize("body,fields", [
    ({"repository": "net", "type": "Git", "ref": "main"}, {"repository"}),
    ({"repository": "acme/../net", "type": "Git", "ref": "main"}, {"repository"}),
    ({"repository": "acme/net", "type": "Svn", "ref": "main"}, {"type"}),
    ({"repository": "acme/net", "type": "Git", "ref": "-x"}, {"ref"}),
    ({"repository": "acme/net", "type": "Git", "ref": "refs/pull/1/head"}, {"ref"}),
    ({"repository": "acme/net", "type": "Git"}, {"ref"}),
])
def test_bad_projects(api, body, fields):
    error = is_error(api.put("/api/v1/projects/bad", body), 400, "VALIDATION_ERROR")
    assert {detail["field"] for detail in error["details"]} == fields


@pytest.mark.parametrize("limit", ["0", "501", "x", "-1", "1.5", ""])
def test_a_bad_limit_is_400(api, limit):
    is_error(api.get(f"/api/v1/runs?limit={limit}"), 400, "VALIDATION_ERROR")


def test_pages_of_runs_are_whole_and_newest_first(api):
    ids = []
    for number in range(7):
        api.put(f"/api/v1/projects/p/workspaces/page{number}", {"directory": f"page{number}"})
        ids.append(api.trigger("p", f"page{number}"))
    seen, path = [], "/api/v1/runs?limit=3&projectId=p"
    while path:
        answer = api.get(path)
        runs = answer.json if isinstance(answer.json, list) else answer.json["runs"]
        seen += [run["id"] for run in runs]
        link = answer.headers.get("Link")
        path = link and link.split(">")[0].lstrip("<")
    assert len(seen) == len(set(seen)) and [run for run in seen if run in ids] == ids[::-1]
    is_error(api.get("/api/v1/runs?cursor=nonsense"), 400, "VALIDATION_ERROR")
    only = api.get("/api/v1/runs?workspaceId=page3&projectId=p").json
    assert [run["id"] for run in (only if isinstance(only, list) else only["runs"])] == [ids[3]]


def test_etag_and_304(api):
    run_id = api.trigger()
    first = api.get(f"/api/v1/runs/{run_id}")
    same = api.get(f"/api/v1/runs/{run_id}", headers={"If-None-Match": first.headers["ETag"]})
    assert same.status == 304 and same.body == b""
    api.post(f"/api/v1/runs/{run_id}/cancel")
    changed = api.get(f"/api/v1/runs/{run_id}", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status == 200 and changed.headers["ETag"] != first.headers["ETag"]


def test_a_long_poll_wakes_at_once_and_many_wait_together(api):
    api.put("/api/v1/projects/p/workspaces/poll", {"directory": "poll"})
    run_id = api.trigger("p", "poll")
    etag = api.get(f"/api/v1/runs/{run_id}").headers["ETag"]

    def poll(_):
        start = time.monotonic()
        answer = api.get(f"/api/v1/runs/{run_id}?wait=30", headers={"If-None-Match": etag})
        return answer.status, time.monotonic() - start

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        polls = [pool.submit(poll, number) for number in range(40)]
        time.sleep(1)
        assert not any(done.done() for done in polls)
        assert api.get("/healthz").status == 200
        api.post(f"/api/v1/runs/{run_id}/cancel")
        results = [done.result() for done in polls]
    assert {status for status, _ in results} == {200}
    assert max(seconds for _, seconds in results) < 15


def test_a_bad_wait_is_400(api):
    run_id = api.trigger()
    for wait in ("61", "-1", "x"):
        is_error(api.get(f"/api/v1/runs/{run_id}?wait={wait}"), 400, "VALIDATION_ERROR")


def test_a_wait_without_an_etag_is_for_the_end_and_tells_the_state_when_its_time_is_over(api):
    api.put("/api/v1/projects/p/workspaces/end", {"directory": "end"})
    run_id = api.trigger("p", "end")
    start = time.monotonic()
    answer = api.get(f"/api/v1/runs/{run_id}?wait=1")
    assert answer.json["status"] == "queued" and time.monotonic() - start >= 0.9
    api.post(f"/api/v1/runs/{run_id}/cancel")
    start = time.monotonic()
    assert api.get(f"/api/v1/runs/{run_id}?wait=20").json["status"] == "cancelled"
    assert time.monotonic() - start < 5


def test_dead_and_orphaned_runs_are_listed_page_by_page(api):
    ids = []
    for number in range(5):
        api.put(f"/api/v1/projects/p/workspaces/dead{number}", {"directory": f"dead{number}"})
        ids.append(api.trigger("p", f"dead{number}"))
        api.redis_cli("zadd", "{kedge}:dead", 2000 + number, ids[-1])
    seen, path = [], "/api/v1/runs?state=dead&limit=2"
    while path:
        answer = api.get(path)
        seen += [run["id"] for run in answer.json]
        link = answer.headers.get("Link")
        path = link and link.split(">")[0].lstrip("<")
        assert len(seen) <= 5
    assert seen == ids[::-1]


def test_clients_that_leave_while_they_wait_are_let_go(api):
    run_id = api.trigger()
    etag = api.get(f"/api/v1/runs/{run_id}").headers["ETag"]

    def descriptors():
        import os
        return len(os.listdir(f"/proc/{api.processes['api'].pid}/fd"))

    # Connections that earlier tests have left are let go first.
    lowest = [descriptors()]
    until(lambda: time.sleep(0.3) or lowest.append(descriptors()) or lowest[-1] == lowest[-2], 10)
    before = lowest[-1]
    links = []
    for _ in range(50):
        link = socket.create_connection(("127.0.0.1", api.port))
        link.sendall(f"GET /api/v1/runs/{run_id}?wait=60 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nIf-None-Match: {etag}\r\n\r\n".encode())
        links.append(link)
    until(lambda: descriptors() >= before + 50, 10)
    for link in links:
        link.close()
    until(lambda: descriptors() <= before + 2, 15, "the api lets them go")


def test_status_metrics_and_workers(api):
    status = api.get("/status")
    assert set(status.json) == {"shutting_down", "in_progress_operations", "version"} and status.json["version"]
    assert api.get("/status", token=None).json["version"] == ""
    metrics = api.get("/metrics", token=None)
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert re.search(r"^kedge_\w+(\{[^}]*\})? [0-9.e+-]+$", metrics.text, re.M)
    assert api.get("/api/v1/workers").status == 200


def test_head_is_get_without_a_body(api):
    answer = api.request("HEAD", "/healthz")
    assert answer.status == 200 and answer.body == b""


def test_tls(bare):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", bare.dir / "key.pem", "-out", bare.dir / "cert.pem",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    bare.start_redis()
    bare.start_api(tls_cert=bare.dir / "cert.pem", tls_key=bare.dir / "key.pem")
    context = ssl.create_default_context(cafile=bare.dir / "cert.pem")

    def get(path, **headers):
        connection = http.client.HTTPSConnection("127.0.0.1", bare.port, context=context, timeout=20)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    until(lambda: get("/readyz")[0] == 200)
    assert json.loads(get("/healthz")[1]) == {"status": "ok"}
    assert get("/api/v1/projects", Authorization=f"Bearer {TOKEN}")[0] == 200


def test_pipelined_requests_are_answered_in_order(api):
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as link:
        link.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        text = b""
        while text.count(b"HTTP/1.1 200") < 20:
            piece = link.recv(65536)
            assert piece, text
            text += piece


def test_garbage_does_not_hurt(api):
    for garbage in (b"\x00" * 100, b"GET\r\n\r\n", b"A" * 100000, b"GET / HTTP/9.9\r\n\r\n", b"POST /api/v1/drift HTTP/1.1\r\nContent-Length: -5\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", api.port), timeout=5) as link:
            try:
                link.sendall(garbage)
                link.shutdown(socket.SHUT_WR)
                link.recv(4096)
            except OSError:
                pass
    assert api.get("/healthz").status == 200
