"""Certificates for a test, as PEM files: made by openssl(1), good for a day.

    ca = TlsFiles(directory)                        # ca.pem, ca.key
    ca.make("server", "DNS:localhost,IP:127.0.0.1")  # server.pem, server.key; again: a new one of that name
"""
import pathlib
import subprocess


class TlsFiles:
    def __init__(self, directory, ca="ca"):
        self.directory, self.ca = pathlib.Path(directory), ca
        self.directory.mkdir(exist_ok=True)
        self.openssl(ca, "-addext", "basicConstraints=critical,CA:TRUE")

    def openssl(self, name, *arguments):
        # Without the system's file of settings, which says what a request holds by default.
        configuration = self.directory / "openssl.cnf"
        configuration.write_text("[req]\ndistinguished_name = name\n[name]\n")
        made = subprocess.run(
            ["openssl", "req", "-x509", "-config", configuration, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "1", "-subj", f"/CN={name}", "-keyout", self.path(name, "key"), "-out", self.path(name), *arguments],
            capture_output=True, text=True)
        assert made.returncode == 0, made.stderr

    def path(self, name, kind="pem"):
        return self.directory / f"{name}.{kind}"

    def make(self, name, alternative=None):
        alternatives = ["-addext", f"subjectAltName={alternative}"] if alternative else []
        self.openssl(name, "-CA", self.path(self.ca), "-CAkey", self.path(self.ca, "key"), "-addext", "basicConstraints=CA:FALSE", *alternatives)
