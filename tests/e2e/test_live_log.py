"""The log of a run as it comes: server-sent events that can be resumed, and plain text."""
import concurrent.futures
import contextlib
import http.client
import json
import random
import re
import signal

import pytest

from conftest import needs_terraform
from live_log import Events, Follower, start_talk, stored_log
from stack import FOLLOWS_FILE, VARIANT, Stack, until

pytestmark = needs_terraform


@pytest.fixture(scope="module")
def talking():
    with Stack() as stack:
        yield stack.start()


def follow_text(kedge, run_id, **options):
    """None: it broke off."""
    try:
        return kedge.get(f"/api/v1/runs/{run_id}/log?follow=1", **options)
    except (http.client.HTTPException, ValueError):
        return None


@pytest.fixture(scope="module", autouse=True)
def queued():
    """A run that nobody takes, with two clients for as long as the other tests last; .run_id, .stream, .text, .rest."""
    with concurrent.futures.ThreadPoolExecutor() as pool, Stack() as stack:
        stack.start(workers=0, scheduler=False)
        stack.register("acme/gone", variables=None, backendConfig=None)
        stack.run_id = stack.trigger()
        stack.text = pool.submit(follow_text, stack, stack.run_id, timeout=1000)
        stack.stream = Events(stack.port, stack.run_id)
        stack.rest = pool.submit(lambda: list(stack.stream))
        yield stack


def test_events_and_text_are_the_stored_log_byte_for_byte(talking):
    run_id = start_talk(talking, 60)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        early = [pool.submit(Follower().listen_to_end, talking.port, run_id) for _ in range(5)]
        text = pool.submit(follow_text, talking, run_id)
        talking.running(run_id)
        late = pool.submit(Follower().listen_to_end, talking.port, run_id)
        run = talking.ended(run_id)
        after = Follower().listen_to_end(talking.port, run_id)
        followers = [follower.result() for follower in [*early, late]] + [after]
    stored = stored_log(talking, run_id)
    assert run["status"] == "applied" and "line 60 of 60: é ü 漢字 🚀\n" in stored.decode()
    assert b"\r" not in stored and b"10%\n" in stored and stored.endswith(b"\n")
    for follower in followers:
        assert follower.bytes == stored
        assert follower.end == {"status": "applied"} and not follower.gaps and not follower.attempts
    assert text.result().body == stored and text.result().headers["Content-Type"].startswith("text/plain")


def test_cut_and_resumed_streams_are_byte_identical(talking):
    """Cut after random events, resumed at whichever api is there, live and after the end."""
    other = talking.start_another_api("api-2")
    run_id = start_talk(talking, 60, directory="cut")
    chance = random.Random(7)
    plans = [[(chance.choice((talking.port, other)), chance.randint(1, 12)) for _ in range(200)] for _ in range(20)]

    def cut_again_and_again(plan):
        follower = Follower()
        for port, events in plan:
            if follower.listen(port, run_id, events):
                return follower
        return follower.listen_to_end(talking.port, run_id)

    with concurrent.futures.ThreadPoolExecutor(len(plans)) as pool:
        followers = list(pool.map(cut_again_and_again, plans))
    stored = stored_log(talking, run_id)
    for follower in followers:
        assert follower.bytes == stored and not follower.gaps and not follower.attempts
        assert follower.end == {"status": "applied"} and follower.breaks > 0
    talking.processes["api-2"].stop()


def test_a_place_in_the_middle_of_a_piece_is_resumed_from_there(talking):
    talking.gate("middle")
    run_id = start_talk(talking, 5, gate="middle", directory="middle")
    descriptor = talking.waits_at_gate("middle")
    for last in ("1-1", "1-17", "1-100"):  # the run is live
        stream = Events(talking.port, run_id, last)
        _, _, data = next(iter(stream))
        stream.close()
        assert talking.get(f"/api/v1/runs/{run_id}/log").body[int(last[2:]):].startswith(data)
    talking.open_gate("middle", descriptor)
    talking.ended(run_id)
    stored = stored_log(talking, run_id)
    for last, rest in (("1-17", stored[17:]), (f"1-{len(stored)}", b""), ("1-99999999", b""), ("nonsense", stored), ("9-9", stored)):
        follower = Follower()
        follower.last = last
        follower.listen_to_end(talking.port, run_id)
        assert follower.bytes == rest, last
    assert talking.get(f"/api/v1/runs/{run_id}/log?lastEventId=1-17", headers={"Accept": "text/event-stream"}).body.count(b"data") > 5


LOUD = r"""
i=0
while [ $i -lt "$1" ]; do
    i=$((i + 1))
    printf '%0900d ü\n' $i
done
cat "$3"
"""


def read_until(stream, marker):
    """The log up to a line with that text, and the bytes of the gaps."""
    text, gaps = b"", []
    for name, _, data in stream:
        if name == "gap":
            gaps.append(json.loads(data)["bytes"])
        elif name == "message":
            text += data
        if marker in text[-2000 - len(data):]:
            break
    return text, gaps


def hear_the_slow_ones(kedge, run_id, quick, slow):
    """While the run waits: one that lost nothing, and one that lost what was trimmed meanwhile."""
    until(lambda: b"02000 " in quick.bytes[-5000:], 30, "the quick one has it all; they have taken nothing")
    text, gaps = read_until(slow.pop(), b"02000 ")
    assert not gaps and quick.bytes.startswith(text)
    kedge.redis_cli("xtrim", "{kedge}:log:" + run_id, "maxlen", "10")
    text, gaps = read_until(slow.pop(), b"02000 ")
    assert len(gaps) == 1 and gaps[0] > 100000
    end = len(text) + gaps[0]
    until(lambda: len(quick.bytes) >= end, 20, "the quick one has heard as much")  # terraform may have said more by now
    assert quick.bytes[end - 20000:end] == text[-20000:]


def test_a_slow_reader_costs_nobody_anything_and_loses_only_what_was_trimmed(talking):
    talking.gate("loud")
    run_id = start_talk(talking, 2000, gate="loud", directory="loud", script=LOUD)
    talking.running(run_id)
    before = talking.processes["api"].rss_bytes()
    # The kernel tries a full buffer again more and more rarely, in the end every 120 s.
    slow = [Events(talking.port, run_id, timeout=150, receive_bytes=4096) for _ in range(8)]
    quick = Follower()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        heard = pool.submit(quick.listen_to_end, talking.port, run_id)
        descriptor = talking.waits_at_gate("loud", 60)
        try:
            hear_the_slow_ones(talking, run_id, quick, slow)
            if VARIANT == "release":  # an instrumented program keeps what it has freed
                assert talking.processes["api"].rss_bytes() - before < 8 * 600000
        finally:
            talking.open_gate("loud", descriptor)
        heard.result()
    stored = stored_log(talking, run_id)
    assert quick.bytes == stored and not quick.gaps
    text, gaps = read_until(slow.pop(), b"==> report")  # of a run that has ended nothing is missing
    assert not gaps and stored.startswith(text)
    for stream in slow:
        stream.close()
    run = talking.run(run_id)
    assert run["status"] == "applied"


def test_a_redis_that_is_gone_for_a_while_loses_and_doubles_nothing(kedge):
    run_id = start_talk(kedge, 150)
    kedge.running(run_id)
    followers, texts = [Follower() for _ in range(4)], []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        heard = [pool.submit(follower.listen, kedge.port, run_id) for follower in followers]
        texts.append(pool.submit(follow_text, kedge, run_id))
        until(lambda: all(b"line 20 " in follower.bytes for follower in followers), 30, "they hear it")
        kedge.processes["redis"].kill()
        kedge.start_redis()
        assert all(one.result() for one in heard), "no stream broke"
    stored = stored_log(kedge, run_id)
    assert [(follower.bytes == stored, follower.gaps) for follower in followers] == [(True, [])] * 4
    assert texts[0].result().body == stored


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_who_loses_an_api_goes_on_at_another(kedge, how):
    other = kedge.start_another_api("api-2")
    first = kedge.port
    run_id = start_talk(kedge, 100)
    followers = [Follower() for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        heard = [pool.submit(follower.listen, first, run_id) for follower in followers]
        text = pool.submit(follow_text, kedge, run_id)
        until(lambda: all(b"line 10 " in follower.bytes for follower in followers), 30, "they hear it")
        kedge.port = other
        if how == "stop":
            assert kedge.processes["api"].stop(5) == 0
        else:
            kedge.processes["api"].kill()
        assert not any(one.result() for one in heard)
        assert text.result() is None, "a text that is not whole can be told from one that is"
        heard = [pool.submit(follower.listen_to_end, other, run_id) for follower in followers]
        assert all(one.result() for one in heard)
    stored = stored_log(kedge, run_id)
    assert [(follower.bytes == stored, follower.gaps) for follower in followers] == [(True, [])] * 4


def test_a_worker_that_is_killed_and_comes_back_leaves_no_gap(kedge):
    run_id = start_talk(kedge, 150)
    follower = Follower()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        heard = pool.submit(follower.listen, kedge.port, run_id)
        until(lambda: b"line 20 " in follower.bytes, 30, "it is heard")
        kedge.processes["worker"].kill()
        kedge.start_worker("worker-again")
        assert heard.result()
    assert follower.bytes == stored_log(kedge, run_id) and not follower.gaps


@pytest.fixture
def hasty():
    """A started stack that gives a terraform that does not stop a second."""
    with Stack(cancel_grace="1s") as stack:
        yield stack.start()


def test_a_run_that_begins_anew_says_so(hasty):
    hasty.repository("acme/net", {"main.tf": FOLLOWS_FILE})
    hasty.register("acme/net")
    (hasty.world / "it").unlink()
    hasty.gate("it")
    run_id = hasty.trigger()
    stays, comes_again = Follower(), Follower()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        heard = pool.submit(stays.listen, hasty.port, run_id)
        text = pool.submit(follow_text, hasty, run_id)
        until(lambda: b"==> plan" in stays.bytes, 30, "the plan begins")
        comes_again.listen(hasty.port, run_id, 1)
        for _ in range(2):  # the second one hurries
            hasty.processes["worker"].signal(signal.SIGTERM)
            until(lambda: hasty.processes["worker"].events("draining"), 20, "it drains")
        hasty.processes["worker"].popen.wait(30)
        (hasty.world / "it").unlink()
        (hasty.world / "it").write_text("as it should be\n")
        hasty.start_worker("worker-2")
        assert hasty.ended(run_id)["attempts"] == 2
        assert heard.result()
        comes_again.listen_to_end(hasty.port, run_id)
    stored = stored_log(hasty, run_id)
    for follower in (stays, comes_again):
        assert follower.bytes == stored and follower.attempts == [2]
    before, after = text.result().body.split(b"\n==> attempt 2\n")
    assert b"==> plan" in before and after == stored


def test_a_log_that_is_not_kept_any_more_is_a_gap(talking):
    run_id = start_talk(talking, 2, directory="dropped")
    talking.ended(run_id)
    talking.redis_cli("hdel", "{kedge}:result:" + run_id, "output", "log", "applied")
    talking.redis_cli("hset", "{kedge}:run:" + run_id, "output_dropped", "1")
    follower = Follower()
    assert follower.listen(talking.port, run_id)  # the live one is there for some minutes
    assert b"that was all" in follower.bytes
    talking.redis_cli("del", "{kedge}:log:" + run_id)
    follower = Follower()
    assert follower.listen(talking.port, run_id) and follower.gaps == [None] and follower.end == {"status": "applied"}
    assert follow_text(talking, run_id).body == b"[the log of this run is not kept any more]\n"


def test_a_queued_run_is_waited_for_with_comments(queued):
    run_id = queued.run_id
    until(lambda: queued.stream.comments > 0, 30, "a comment comes")
    assert not queued.rest.done() and not queued.text.done()
    assert 'kedge_streams_open{kind="logs"} 2\n' in queued.get("/metrics").text
    queued.post(f"/api/v1/runs/{run_id}/cancel")
    assert [event[0] for event in queued.rest.result()] == ["end"]
    assert queued.text.result().body == b""
    until(lambda: 'kedge_streams_open{kind="logs"} 0\n' in queued.get("/metrics").text, 10, "none is open")
    missing = "01890000-0000-7000-8000-000000000000"
    for headers in ({}, {"Accept": "text/event-stream"}):
        assert queued.get(f"/api/v1/runs/{missing}/log?follow=1", headers=headers).status == 404
        head = queued.request("HEAD", f"/api/v1/runs/{run_id}/log?follow=1", headers=headers)
        assert head.status == 200 and head.body == b""
    assert queued.get(f"/api/v1/runs/{run_id}/log?follow=yes").status == 400
    assert queued.get(f"/api/v1/runs/{run_id}/log?follow=1", token=None).status == 401


def test_who_claims_to_have_more_than_there_is_does_not_hold_up_the_others(bare):
    """A place that the log has not reached: who is handed what comes does not read for himself."""
    bare.start(workers=0, scheduler=False)
    bare.register("acme/net", variables=None, backendConfig=None)
    run_id, offset = bare.trigger(), 0
    bare.redis_cli("hset", "{kedge}:run:" + run_id, "status", "running", "attempts", "1")

    def say(line):
        nonlocal offset
        bare.redis_cli("xadd", "{kedge}:log:" + run_id, f"1-{offset}", "attempt", 1, "offset", offset, "bytes", line)
        offset += len(line)

    def reads():
        found = re.search(r"cmdstat_xrange:calls=(\d+)", bare.redis_cli("info", "commandstats"))
        return int(found[1])

    say("first\n")
    with contextlib.closing(Events(bare.port, run_id, "1-9007199254740000")):
        honest = Events(bare.port, run_id)
        events = iter(honest)
        assert next(events)[2] == b"first\n"
        before = reads()
        for count in range(20):
            say(f"line {count}\n")
            assert next(events)[2] == f"line {count}\n".encode()
        assert reads() - before < 10
        honest.close()
