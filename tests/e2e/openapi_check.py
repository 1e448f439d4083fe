"""Holds the answers of a kedge-api to docs/openapi.yaml.

`check` looks at one answer: its path and method are in the document, its status is one of that
operation's, and its body is valid against the schema that the document has for it. What holds for
every path (404 of an unknown one, 405) stands in the document's description and is known here.

The schemas are JSON Schema 2020-12; python3-jsonschema does the work. Without it nothing is checked,
and test_openapi.py says so.
"""
import functools
import hashlib
import json
import pathlib
import re

try:
    import jsonschema
    import yaml
except ImportError:
    jsonschema = yaml = None

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
METHODS = ("get", "put", "post", "delete")
# A larger body costs more time than it tells.
BODY_BYTES = 512 * 1024


def available():
    return jsonschema is not None


class Problem(AssertionError):
    """An answer is not as the document says."""


@functools.lru_cache
def document():
    # Times are text in JSON, so they are here too.
    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}

        def construct_mapping(self, node, deep=False):
            """The library takes a key that is there twice; others refuse the document."""
            keys = [key.value for key, _ in node.value]
            twice = [key for key in keys if keys.count(key) > 1]
            if twice:
                raise Problem(f"{DOCUMENT.name}: {twice[0]} is there twice{node.start_mark}")
            return super().construct_mapping(node, deep)

    return yaml.load(DOCUMENT.read_text(), Loader)


def resolved(node):
    """The node itself, or what its $ref points to."""
    while "$ref" in node:
        target = document()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


@functools.lru_cache
def paths():
    """(pattern, path), literal ones before those with parameters."""
    def pattern(path):
        return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part)
                                  for part in re.split(r"(\{\w+\})", path)))
    return [(pattern(path), path) for path in sorted(document()["paths"], key=lambda path: path.replace("{", "~"))]


def template(path):
    """The path of the document that a request's path is one of; None: an unknown path."""
    return next((found for pattern, found in paths() if pattern.fullmatch(path)), None)


def operations():
    """(path, method, operation) of the whole document."""
    for path, item in document()["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


@functools.lru_cache
def validator(name):
    """Of a schema below components/schemas."""
    return validator_of({"$ref": f"#/components/schemas/{name}"})


def validator_of(schema):
    # The components are part of the schema, so that its references need nobody's help.
    return jsonschema.Draft202012Validator({**schema, "components": document()["components"]})


@functools.lru_cache
def body_validator(path, method, status, media):
    content = resolved(document()["paths"][path][method]["responses"][status]).get("content", {})
    return validator_of(content[media]["schema"]) if media in content else None


def complaint(check, body):
    """The first thing that is wrong with a body, in a line; None: nothing."""
    error = jsonschema.exceptions.best_match(check.iter_errors(body))
    if error is None:
        return None
    at = "/".join(map(str, error.absolute_path)) or "the body"
    return f"{at}: {error.message[:600]}"


seen = set()
counts = {}  # (path, method, status) -> answers that were checked


def check(method, target, status, headers, body):
    """Raises Problem when the answer is not a documented one."""
    path, method = target.split("?")[0], method.lower()
    is_head = method == "head"
    found = template(path)
    item = document()["paths"].get(found, {})
    method = "get" if is_head else method
    what = f"{method.upper()} {target} -> {status}"
    if found is None or method not in item:
        name = "NotFound" if found is None else "MethodNotAllowed"
        allowed = {"NotFound": 404, "MethodNotAllowed": 405}[name]
        # Who may not even ask is told so before what exists.
        if status != allowed and not (name == "NotFound" and status == 405):
            raise Problem(f"{what}: not in docs/openapi.yaml")
        return
    counts[found, method, str(status)] = counts.get((found, method, str(status)), 0) + 1
    if str(status) not in item[method]["responses"]:
        raise Problem(f"{what}: {found} documents only {', '.join(item[method]['responses'])}: {body[:600]!r}")
    if not is_head and status != 304:
        check_body(what, (found, method, str(status)), headers.get("Content-Type", ""), body)


def check_body(what, key, media, body):
    media = media.split(";")[0]
    known = resolved(document()["paths"][key[0]][key[1]]["responses"][key[2]]).get("content", {})
    if media not in known:
        raise Problem(f"{what}: documented as {', '.join(known)}, came as {media}")
    digest = hashlib.sha256(repr(key).encode() + body).digest()
    if media != "application/json" or len(body) > BODY_BYTES or digest in seen:
        return
    seen.add(digest)
    problem = complaint(body_validator(*key, media), json.loads(body))
    if problem:
        raise Problem(f"{what}: {problem}\n{body[:1500]!r}")
