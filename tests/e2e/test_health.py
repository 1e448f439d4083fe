"""--health: what a container's health check is told by the three programs."""
import signal
import subprocess

from stack import BUILD, PATIENCE, free_port, until


def health(stack, program, **settings):
    return subprocess.run([BUILD / f"kedge-{program}", "--health"], env=stack.environment(**settings), capture_output=True, text=True,
                          timeout=20 * PATIENCE)


def says(done, status, text):
    assert done.returncode == status, done
    assert text in done.stdout and done.stdout.count("\n") == 1, done
    assert done.stderr == "", done


def test_redis_that_is_away_makes_the_api_unhealthy_and_nobody_else(bare):
    ports = {program: f"0.0.0.0:{free_port()}" for program in ("api", "worker", "scheduler")}
    settings = {"api": {"listen": ports["api"]}, "worker": {"metrics_listen": ports["worker"]},
                "scheduler": {"metrics_listen": ports["scheduler"]}}
    for program in ports:
        says(health(bare, program, **settings[program]), 1, f"kedge-{program}: http://127.0.0.1:")
    redis = bare.start_redis()
    bare.start_api(**settings["api"])
    bare.start_worker(**settings["worker"])
    bare.start_scheduler(**settings["scheduler"])
    for program, page in (("api", "readyz"), ("worker", "healthz"), ("scheduler", "healthz")):
        until(lambda: health(bare, program, **settings[program]).returncode == 0, 20 * PATIENCE, f"{program} is healthy")
        says(health(bare, program, **settings[program]), 0, f"/{page}: 200")
    redis.signal(signal.SIGKILL)
    until(lambda: health(bare, "api", **settings["api"]).returncode == 1, 20 * PATIENCE, "the api is not ready")
    says(health(bare, "worker", **settings["worker"]), 0, "200")
    says(health(bare, "scheduler", **settings["scheduler"]), 0, "200")


def test_the_certificate_of_the_own_port_is_not_looked_at(bare):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=somebody.else", "-keyout", bare.dir / "key.pem", "-out", bare.dir / "cert.pem"],
                   check=True, capture_output=True)
    settings = {"listen": f"127.0.0.1:{free_port()}", "tls_cert": bare.dir / "cert.pem", "tls_key": bare.dir / "key.pem"}
    bare.start_redis()
    bare.start_api(**settings)
    until(lambda: health(bare, "api", **settings).returncode == 0, 20 * PATIENCE, "it is healthy")
    says(health(bare, "api", **settings), 0, "https://127.0.0.1:")


def test_wrong_settings_are_told_in_a_sentence(bare):
    for program, settings, sentence in (
            ("worker", {}, "KEDGE_METRICS_LISTEN is not set: there is nothing to ask"),
            ("scheduler", {}, "KEDGE_METRICS_LISTEN is not set: there is nothing to ask"),
            ("api", {}, "KEDGE_LISTEN picks a free port: nobody knows which"),
            ("api", {"listen": "x"}, "KEDGE_LISTEN: ")):
        done = health(bare, program, **settings)
        assert done.returncode == 78 and done.stdout == ""
        assert done.stderr.startswith(f"kedge-{program}: problem: {sentence}") and done.stderr.count("\n") == 1, done
