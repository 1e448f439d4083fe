"""TLS to Redis: a check end to end, a new certificate, another name; and where it is not built, the refusal."""
import subprocess

import pytest

from conftest import needs_terraform
from stack import BUILD, FOLLOWS_FILE, Stack, free_port, until

PROGRAMS = ("kedge-api", "kedge-worker", "kedge-scheduler")


def check_config(program, **settings):
    """Its exit status and what it says."""
    done = subprocess.run([BUILD / program, "--check-config"], capture_output=True, text=True,
                          env={f"KEDGE_{name}": str(value) for name, value in settings.items()})
    return done.returncode, done.stdout + done.stderr


def refusal():
    status, said = check_config("kedge-api", REDIS_URL="rediss://localhost")
    return said if "needs a Redis client library" in said else ""


@pytest.fixture
def secure():
    if refusal():
        pytest.skip("TLS to Redis is not built: it needs hiredis 1.0 or later")
    with Stack(redis_tls=True) as stack:
        yield stack


def test_without_tls_each_program_refuses_the_url_with_a_sentence():
    if not refusal():
        pytest.skip("TLS to Redis is built: nothing is refused")
    for program in PROGRAMS:
        for url in ("rediss://:hidden@localhost", "rediss+sentinel://:hidden@localhost/master"):
            status, said = check_config(program, REDIS_URL=url)
            assert status == 78, said
            assert "problem: KEDGE_REDIS_URL: rediss" in said and "use redis:// through a TLS tunnel" in said, said
            assert "hidden" not in said, said


def test_settings_that_would_have_no_effect_are_a_problem(tmp_path):
    for program in PROGRAMS:
        status, said = check_config(program, REDIS_CA=tmp_path / "ca.pem")
        assert status == 78 and "problem: KEDGE_REDIS_CA: is for TLS, and KEDGE_REDIS_URL is not rediss://" in said, said


def test_a_file_that_is_missing_stops_the_program(secure):
    missing = secure.dir / "missing.pem"
    for program in PROGRAMS:
        status, said = check_config(program, REDIS_URL="rediss://localhost", REDIS_CA=missing)
        assert status == 78 and f"{missing}: No such file or directory" in said, said


def drift_statuses(kedge):
    """Of a check, of one after the world has changed, and of one after it has changed back."""
    def change(text):
        (kedge.world / "it").write_text(text)
        return kedge.check()["status"]
    before = (kedge.world / "it").read_text()
    return [kedge.check()["status"], change("different\n"), change(before)]


@needs_terraform
def test_checks_go_on_when_redis_restarts_with_a_new_certificate(secure):
    secure.start()
    secure.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    secure.apply("acme/net")
    secure.register("acme/net")
    assert drift_statuses(secure) == ["clean", "drift_detected", "clean"]
    old = secure.tls.path("redis").read_text()
    assert secure.processes["redis"].stop() == 0
    secure.tls.make("redis", "DNS:localhost")
    secure.start_redis()
    assert secure.tls.path("redis").read_text() != old
    until(lambda: secure.get("/readyz").status == 200, 20, "the api is ready again")
    assert drift_statuses(secure) == ["clean", "drift_detected", "clean"]


def test_another_name_is_refused_until_it_is_asked_for(secure):
    secure.start(workers=0, scheduler=False)
    secure.processes["redis"].stop()
    secure.tls.make("redis", "DNS:redis.example")
    secure.start_redis()
    api = secure.processes["api"]
    away = until(lambda: [event for event in api.events("redis_away") if "hostname mismatch" in event["error"]], 20, "the reason is logged")
    assert "certificate verify failed" in away[0]["error"]
    assert secure.get("/readyz").status == 503
    secure.start_another_api("other", redis_tls_name="redis.example")  # returns when it is ready
    assert secure.get("/readyz").status == 503


def start_sentinel(secure, port):
    """It names the master by its address, as sentinels do."""
    conf = secure.dir / "redis" / "sentinel.conf"
    conf.write_text("\n".join(["bind 127.0.0.1", "port 0", f"tls-port {port}", "tls-replication yes", "tls-auth-clients no",
                               f"tls-ca-cert-file {secure.tls.path('ca')}", f"tls-cert-file {secure.tls.path('sentinel')}",
                               f"tls-key-file {secure.tls.path('sentinel', 'key')}",
                               f"sentinel monitor the-master 127.0.0.1 {secure.redis_port} 1", ""]))
    return secure.spawn("sentinel", "redis-server", conf, "--sentinel")


@needs_terraform
def test_sentinels_too_are_asked_over_tls_and_must_bear_their_name(secure):
    port = free_port()
    secure.settings["KEDGE_REDIS_URL"] = f"rediss+sentinel://localhost:{port}/the-master/0"
    secure.tls.make("redis", "IP:127.0.0.1")
    secure.tls.make("sentinel", "DNS:somewhere.else")
    secure.start_redis()
    sentinel = start_sentinel(secure, port)
    secure.start_scheduler("early")
    early = secure.processes["early"]
    away = until(lambda: [event for event in early.events("redis_away") if "hostname mismatch" in event["error"]], 20, "the reason is logged")
    assert "sentinel" in away[0]["error"], away
    sentinel.stop()
    secure.tls.make("sentinel", "DNS:localhost")
    start_sentinel(secure, port)
    secure.start_api()
    secure.start_worker("worker", data_dir=secure.dir / "data")
    until(lambda: secure.get("/readyz").status == 200, 20, "the api is ready")
    secure.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    secure.apply("acme/net")
    secure.register("acme/net")
    assert drift_statuses(secure) == ["clean", "drift_detected", "clean"]
    until(lambda: early.events("started"), 20, "who began before has found it too")
