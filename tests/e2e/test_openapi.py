"""docs/openapi.yaml: a valid document, of the routes that there are, true to what they answer.

Every other end-to-end test holds the answers it gets to the document too: see openapi_check.py.
"""
import json
import re

import pytest

import openapi_check
from stack import ROOT, Stack, until

pytestmark = pytest.mark.skipif(not openapi_check.available(), reason="python3-jsonschema or python3-yaml is not installed")

READ_TOKEN = "read-only-token-0123456789"
UUID = "01a1ff80-8f91-7000-88b6-fbae15f15ba4"

# What OpenAPI 3.1 asks of a document's form, as far as this one goes.
REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string", "pattern": "^#/components/"}}}
CONTENT = {"type": "object", "minProperties": 1, "additionalProperties": {
    "type": "object", "required": ["schema"], "additionalProperties": False,
    "properties": {"schema": {}, "examples": {"type": "object"}}}}
PARAMETER = {
    "type": "object", "required": ["name", "in", "schema"], "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "in": {"enum": ["path", "query", "header"]}, "required": {"type": "boolean"},
                   "description": {"type": "string"}, "schema": {"type": "object"}, "example": {}},
    "if": {"properties": {"in": {"const": "path"}}}, "then": {"required": ["required"], "properties": {"required": {"const": True}}}}
RESPONSE = {
    "type": "object", "required": ["description"], "additionalProperties": False,
    "properties": {"description": {"type": "string", "minLength": 1}, "headers": {"type": "object"}, "content": CONTENT}}
OPERATION = {
    "type": "object", "required": ["operationId", "summary", "tags", "responses"], "additionalProperties": False,
    "properties": {
        "operationId": {"type": "string"}, "summary": {"type": "string", "pattern": r"[.?]$"}, "description": {"type": "string"},
        "tags": {"type": "array", "minItems": 1}, "security": {"type": "array"},
        "parameters": {"type": "array", "items": {"anyOf": [REFERENCE, PARAMETER]}},
        "requestBody": {"anyOf": [REFERENCE, {"type": "object", "required": ["content"]}]},
        "responses": {"type": "object", "minProperties": 1, "additionalProperties": False, "patternProperties": {
            "^[2-5][0-9][0-9]$": {"anyOf": [REFERENCE, RESPONSE]}}}}}
DOCUMENT = {
    "type": "object", "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"type": "string", "pattern": r"^3\.1\.\d+$"},
        "info": {"type": "object", "required": ["title", "version"]},
        "paths": {"type": "object", "additionalProperties": False, "patternProperties": {"^/": {
            "type": "object", "additionalProperties": False, "properties": {
                "parameters": {"type": "array", "items": {"anyOf": [REFERENCE, PARAMETER]}},
                **{method: OPERATION for method in openapi_check.METHODS}}}}},
        "components": {"type": "object", "additionalProperties": False, "properties": {
            "securitySchemes": {"type": "object"}, "parameters": {"additionalProperties": PARAMETER},
            "headers": {"type": "object"}, "requestBodies": {"type": "object"},
            "responses": {"additionalProperties": RESPONSE}, "schemas": {"type": "object"}, "examples": {"type": "object"}}}}}


def nodes(node, path="#"):
    yield path, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from nodes(value, f"{path}/{key}")


# ---- the document itself ----
def test_it_has_the_form_of_openapi_31():
    validator = openapi_check.jsonschema.Draft202012Validator(DOCUMENT)
    assert openapi_check.complaint(validator, openapi_check.document()) is None


def test_its_schemas_are_json_schema():
    for path, node in nodes(openapi_check.document()):
        if isinstance(node, dict) and isinstance(node.get("schema"), dict):
            openapi_check.jsonschema.Draft202012Validator.check_schema(node["schema"])
    for schema in openapi_check.document()["components"]["schemas"].values():
        openapi_check.jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere_and_every_component_is_used():
    references = {node["$ref"] for _, node in nodes(openapi_check.document()) if isinstance(node, dict) and "$ref" in node}
    for reference in references:
        openapi_check.resolved({"$ref": reference})
    components = {f"#/components/{kind}/{name}" for kind, named in openapi_check.document()["components"].items()
                  for name in named if kind != "securitySchemes"}
    assert components - references == set()


def test_operations_have_ids_of_their_own_and_name_their_path_parameters():
    ids = [operation["operationId"] for _, _, operation in openapi_check.operations()]
    assert len(ids) == len(set(ids))
    for path, method, operation in openapi_check.operations():
        given = [openapi_check.resolved(p) for p in
                 openapi_check.document()["paths"][path].get("parameters", []) + operation.get("parameters", [])]
        assert {p["name"] for p in given if p["in"] == "path"} == set(re.findall(r"\{(\w+)\}", path)), (method, path)


def test_its_examples_are_valid_against_its_schemas():
    checked = 0
    for path, node in nodes(openapi_check.document()):
        if isinstance(node, dict) and "schema" in node and "examples" in node:
            for name, example in node["examples"].items():
                complaint = openapi_check.complaint(
                    openapi_check.validator_of(node["schema"]), openapi_check.resolved(example)["value"])
                assert complaint is None, (path, name, complaint)
                checked += 1
    assert checked > 20


def documented():
    """method, path with nameless parameters, access: of the document."""
    access = {None: "TOKEN", 0: "OPEN", 3: "READ"}
    for path, method, operation in openapi_check.operations():
        security = operation.get("security")
        yield method.upper(), re.sub(r"\{\w+\}", "{}", path), access[None if security is None else len(security)]


def routed():
    """The same of the table of routes in the source. Profiles look at the token themselves: without KEDGE_PROFILING nobody
    finds them."""
    text = (ROOT / "api" / "routes.c").read_text()
    names = dict(re.findall(r'#define (\w+)\s+"([^"]*)"', text))
    row = re.compile(r'\{METHOD_(\w+),\s*ACCESS_(\w+),\s*((?:\w+\s+)?"[^"]*"|\w+)')
    for method, access, parts in row.findall(text):
        path = "".join(names.get(part, part.strip('"')) for part in re.findall(r'"[^"]*"|\w+', parts))
        yield method, re.sub(r"\{\w+\}", "{}", path), access if access in ("OPEN", "READ") and not path.startswith("/debug/") else "TOKEN"


def test_it_has_the_routes_that_there_are():
    assert sorted(set(documented())) == sorted(set(routed()))


# ---- the check ----
GOOD = {"success": True, "data": {"locks": [], "total_count": 0}, "error": None, "request_id": "r",
        "timestamp": "2026-01-01T00:00:00.000Z"}


@pytest.mark.parametrize("method,path,status,body", [
    ("GET", "/api/lock", 200, GOOD), ("PUT", "/api/locks", 200, GOOD), ("GET", "/api/locks", 418, GOOD),
    ("GET", "/api/locks", 200, {**GOOD, "more": 1}),
    ("GET", "/api/locks", 200, {**GOOD, "data": {"locks": []}}),
    ("GET", "/api/locks", 200, {**GOOD, "data": {"locks": [{"id": "x"}], "total_count": 1}}),
    ("GET", "/api/locks", 200, {**GOOD, "timestamp": "2026-01-01T00:00:00Z"}),
    ("GET", "/api/locks", 200, {**GOOD, "success": False}),
    ("GET", "/api/locks", 401, {**GOOD, "success": False, "data": None, "error": {"code": "NOT_FOUND", "message": "x"}}),
])
def test_an_answer_that_is_not_documented_is_found(method, path, status, body):
    json_type = {"Content-Type": "application/json"}
    openapi_check.check("GET", "/api/locks?x=1", 200, json_type, json.dumps(GOOD).encode())
    with pytest.raises(openapi_check.Problem):
        openapi_check.check(method, path, status, json_type, json.dumps(body).encode())
    with pytest.raises(openapi_check.Problem):
        openapi_check.check("GET", "/api/locks", 200, {"Content-Type": "text/plain"}, b"{}")


# ---- the api: each documented error of each operation ----
@pytest.fixture(scope="module")
def api():
    with Stack(read_token=READ_TOKEN, profiling=True) as stack:
        stack.start_redis()
        stack.start_api()
        until(lambda: stack.get("/readyz").status == 200)
        yield stack


def each(condition):
    """Parameters of a test: the operations that fit."""
    found = [(method.upper(), path) for path, method, operation in openapi_check.operations() if condition(path, operation)]
    return pytest.mark.parametrize("method,path", found, ids=[f"{method} {path}" for method, path in found])


def concrete(path):
    values = {"projectId": "p", "workspaceId": "w", "runId": UUID, "scheduleId": UUID, "hookId": UUID, "deliveryId": UUID, "id": UUID,
              "ruleId": "0" * 32}
    return re.sub(r"\{(\w+)\}", lambda match: values[match.group(1)], path)


def above_read(path, operation):
    """Of what only reads, a token is refused for its projects alone."""
    reads = openapi_check.document()["paths"][path].get("get") is operation
    return "403" in operation["responses"] and "pprof" not in path and (not reads or path == "/api/v1/audit")


def asks_token(_, operation):
    return "security" not in operation


def takes_body(_, operation):
    """Those of webhooks are looked at when the signature fits: see test_webhooks.py."""
    return "requestBody" in operation and operation.get("security") != []


def body_schema(operation):
    return openapi_check.resolved(openapi_check.resolved(operation["requestBody"])["content"]["application/json"]["schema"])


def needs_fields(_, operation):
    return "requestBody" in operation and "required" in body_schema(operation)


if openapi_check.available():
    @each(asks_token)
    def test_without_a_token_401(api, method, path):
        for token in (None, "wrong-token-0123456789"):
            assert api.request(method, concrete(path), {} if method in ("POST", "PUT") else None, token=token).status == 401

    @each(lambda path, operation: asks_token(path, operation) and above_read(path, operation))
    def test_with_the_read_token_403(api, method, path):
        answer = api.request(method, concrete(path), {} if method in ("POST", "PUT") else None, token=READ_TOKEN)
        assert answer.status == 403, answer

    @each(takes_body)
    def test_bodies_are_checked(api, method, path):
        path = concrete(path)
        assert api.request(method, path, b"{", {"Content-Type": "application/json"}).status == 400
        assert api.request(method, path, b"[]", {"Content-Type": "application/json"}).status == 400
        assert api.request(method, path, b'{"a":1,"a":2}', {"Content-Type": "application/json"}).status == 400
        assert api.request(method, path, b"{}", {"Content-Type": "text/plain"}).status == 415
        assert api.request(method, path, b" " * (1024 * 1024 + 1), {"Content-Type": "application/json"}).status == 413

    @each(needs_fields)
    def test_an_empty_object_names_every_required_field(api, method, path):
        schema = body_schema(openapi_check.document()["paths"][path][method.lower()])
        answer = api.request(method, concrete(path), {})
        assert answer.status == 400, answer
        named = {detail["field"] for detail in answer.json["error"]["details"]}
        # Keys of the Atlantis family have no letter case; plan and apply want projects or paths besides.
        assert named - {"projects"} == ({key.lower() for key in schema["required"]} if path < "/api/v1" else set(schema["required"]))

    @each(lambda path, operation: any(
        parameter.get("required") and parameter["in"] == "query"
        for parameter in map(openapi_check.resolved, operation.get("parameters", []))))
    def test_a_query_without_its_parameters_names_them(api, method, path):
        answer = api.request(method, path)
        assert answer.status == 400, answer
        missing = {p["name"] for p in map(openapi_check.resolved,
                                          openapi_check.document()["paths"][path]["get"]["parameters"]) if p.get("required")}
        assert {detail["field"] for detail in answer.json["error"]["details"]} == missing

    @each(lambda path, _: True)
    def test_a_method_that_is_not_listed_is_405(api, method, path):
        answer = api.request("PATCH", concrete(path))
        assert answer.status == 405 and method in answer.headers["Allow"], answer


def test_the_document_is_served_as_it_is(api):
    answer = api.get("/openapi.yaml", token=None)
    assert answer.status == 200 and answer.body == openapi_check.DOCUMENT.read_bytes()


def test_profiles_are_there_for_who_asked_for_them(api, bare):
    assert api.get("/debug/pprof/cmdline").text.endswith("kedge-api")
    assert api.get("/debug/pprof/heap").text.startswith("<malloc")
    assert all(name in api.get("/debug/pprof/").text for name in ("profile", "heap", "cmdline"))
    assert api.get("/debug/pprof/profile?seconds=0").status == 400
    bare.start_redis()
    bare.start_api()
    for path in ("/debug/pprof", "/debug/pprof/", "/debug/pprof/profile", "/debug/pprof/heap", "/debug/pprof/cmdline"):
        assert bare.get(path).status == bare.get(path, token=None).status == 404


def test_while_redis_is_away_503(bare):
    bare.settings.update(read_token=READ_TOKEN)
    bare.start_redis()
    bare.start_api()
    until(lambda: bare.get("/readyz").status == 200)
    bare.processes["redis"].kill()
    until(lambda: bare.get("/readyz").status == 503, 20, "the api notices")
    query = "?repository=owner/repo&projectId=p&workspaceId=w"
    for path in ("/api/v1/projects", "/api/v1/projects/p", "/api/v1/projects/p/workspaces", "/api/v1/projects/p/workspaces/w",
                 "/api/v1/projects/p/drift", "/api/v1/drift" + query, "/api/v1/drift/history" + query, f"/api/v1/runs/{UUID}",
                 "/api/v1/drift/schedule" + query, f"/api/v1/drift/schedule/{UUID}",
                 f"/api/v1/runs/{UUID}/log", "/api/v1/runs", "/api/v1/workers", "/api/v1/pause", "/api/v1/freeze", "/status", "/api/locks",
                 "/api/drift/status" + query, "/api/drift/remediate" + query, f"/api/drift/remediate/{UUID}"):
        answer = bare.get(path)
        assert (path, answer.status) == (path, 503) and "Retry-After" in answer.headers, answer
    order = {"repository": "owner/repo", "ref": "main", "type": "Git", "projects": ["a"]}
    for path, body in (("/api/plan", order), ("/api/apply", order), ("/api/drift/detect", order), ("/api/drift/remediate", order),
                       ("/api/v1/projects/p/check", {}), ("/api/v1/drift", {"projectId": "p", "workspaceId": "w"}),
                       ("/api/v1/drift/reconcile", {"projectId": "p", "workspaceId": "w"}),
                       ("/api/v1/drift/schedule", {"projectId": "p", "workspaceId": "w", "scheduleType": "drift", "cron": "@daily"})):
        answer = bare.post(path, body)
        assert (path, answer.status) == (path, 503) and "Retry-After" in answer.headers, answer
    for path in ("/healthz", "/metrics"):
        assert bare.get(path).status == 200
    bare.start_redis()  # the api would wait for it before it stops
    until(lambda: bare.get("/readyz").status == 200, 20, "it is back")
