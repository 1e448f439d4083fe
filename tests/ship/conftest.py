"""What the tests of shipping share: they clean up when they are interrupted, and say what they measured."""
import collections
import signal

import pytest

TOLD = pytest.StashKey()


def interrupted(*_):
    raise KeyboardInterrupt


def pytest_configure(config):
    config.stash[TOLD] = []
    signal.signal(signal.SIGTERM, interrupted)  # as Ctrl-C: with the ends of all fixtures


@pytest.fixture(scope="session")
def tell(request):
    """A sentence for whoever reads the results, whatever they are."""
    return request.config.stash[TOLD].append


def pytest_terminal_summary(terminalreporter, config):
    seconds = collections.Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "duration"):
                seconds[report.nodeid.split("::")[0]] += report.duration
    for sentence in config.stash[TOLD]:
        terminalreporter.write_line(sentence)
    for name, duration in seconds.items():
        terminalreporter.write_line(f"{name} took {duration:.0f} s")
