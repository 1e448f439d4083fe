"""Cron against two public libraries: croner for the times, cronstrue for the sentences.

The same generated expressions go through our parser and through theirs. Where ours differs
on purpose, a row of a table says why; a row that explains nothing any more is a failure.
"""
import datetime
import json
import os
import random
import re
import shutil
import subprocess

import pytest

from stack import ROOT

SOURCE = ROOT / "tests/differential"
PLACE = ROOT / "build/differential"
VARIANT = os.environ.get("KEDGE_TEST_VARIANT", "release")
EXPRESSIONS, TICKS = 6000, 8

# Their laws have been steady for years: node and the system may have the data of different years.
ZONES = ["UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "America/New_York", "America/Chicago",
         "America/Denver", "America/Los_Angeles", "America/Halifax", "America/St_Johns", "America/Havana", "America/Phoenix",
         "Asia/Kolkata", "Asia/Tokyo", "Asia/Kathmandu", "Asia/Dubai", "Asia/Singapore", "Australia/Sydney",
         "Australia/Adelaide", "Australia/Lord_Howe", "Australia/Brisbane", "Pacific/Auckland", "Pacific/Chatham",
         "Pacific/Honolulu", "Africa/Johannesburg", "Africa/Lagos", "Atlantic/Azores", "Asia/Jerusalem"]
# (month, which Sunday): where clocks change in America, Europe, and the south.
CHANGES = [(3, 2), (11, 1), (3, 4), (3, 5), (10, 4), (10, 5), (4, 1), (9, 5), (10, 1)]

FIELDS = [(0, 59, None), (0, 23, None), (1, 31, None), (1, 12, "jan feb mar apr may jun jul aug sep oct nov dec".split()),
          (0, 6, "sun mon tue wed thu fri sat".split())]

# Beside the generated ones: what they hardly ever come to.
ALWAYS = ["0 0 30 2 *", "30 2 31 4,jun *", "*/60 */24 */31 * *", "0 12 29 2 *", "0 0 29 feb */7", "59 23 31 12 6,0", "@daily"]

# What the library takes and we refuse.
REFUSED = [
    ("5/15 * * * *", "a step after a lone number: cron ignores it or reads it as 5-59/15, so nobody can know"),
    ("0 0 ? * *", "? is an old name for * of other schedulers"),
    ("0 0 L * *", "the last day is no part of crontab(5)"),
    ("0 0 * * 5L", "nor is the last Friday"),
    ("0 0 * * 5#2", "nor is the second one"),
    ("0 0 15W * *", "nor is the nearest weekday"),
]


# ---- expressions ----

def number(rng, low, high, names):
    value = rng.randint(low, high)
    return rng.choice([names[value - low], names[value - low].upper()]) if names and rng.random() < 0.4 else str(value)


def element(rng, low, high, names):
    kind = rng.random()
    if kind < 0.5:
        return number(rng, low, high, names)
    step = rng.randint(1, min(high - low, 20))
    if kind < 0.62:
        return f"*/{step}"
    first = rng.randint(low, high - 1)
    last = rng.randint(first + 1, high)
    spelled = [names[v - low] if names and rng.random() < 0.4 else str(v) for v in (first, last)]
    return "-".join(spelled) + (f"/{step}" if kind > 0.85 else "")


def field(rng, low, high, names, star):
    if rng.random() < star:
        return "*"
    return ",".join(element(rng, low, high, names) for _ in range(rng.choice([1, 1, 1, 2, 3])))


def expression(rng):
    return " ".join(field(rng, *rule, star) for rule, star in zip(FIELDS, (0.2, 0.3, 0.6, 0.7, 0.6)))


def moment(rng):
    """Somewhere in 2008 to 2035; every second one in the days before a Sunday on which clocks change somewhere."""
    year = rng.randint(2008, 2035)
    month, sunday = rng.choice(CHANGES)
    day = datetime.datetime(year, month, 1, tzinfo=datetime.timezone.utc)
    if rng.random() < 0.5:
        day += datetime.timedelta(days=(6 - day.weekday()) % 7 + 7 * (sunday - 1) - 2)
    else:
        day = day.replace(month=rng.randint(1, 12), day=rng.randint(1, 28))
    return int(day.timestamp() + rng.random() * 2 * 86400) * 1000


# ---- the two sides ----

@pytest.fixture(scope="module")
def ours():
    program = ROOT / "build" / VARIANT / "tests/differential/cron_driver"
    subprocess.run(["make", "-s", f"V={VARIANT}", program.relative_to(ROOT)], cwd=ROOT, check=True)

    def ask(questions):
        lines = "".join("\t".join(map(str, question)) + "\n" for question in questions)
        done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    return ask


@pytest.fixture(scope="module")
def libraries():
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed")
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "cron_libraries.js"):
        shutil.copy(SOURCE / name, PLACE)
    if not (PLACE / "node_modules/.complete").exists():
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=PLACE,
                              capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip("npm could not fetch the libraries: " + done.stderr.strip()[-200:])
        (PLACE / "node_modules/.complete").touch()

    def ask(questions):
        lines = "".join(json.dumps(question) + "\n" for question in questions)
        done = subprocess.run(["node", "cron_libraries.js"], cwd=PLACE, input=lines, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


def numbers(text, low, high):
    """The set of a field of a normal form."""
    found = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = (str(low), "-", str(high)) if span == "*" else span.partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def bits(fields):
    return [numbers(text, low, high) for text, (low, high, _) in zip(fields, FIELDS)]


# ---- sentences: how ours differs ----

def is_even(low, high, step):
    return (high - low + 1) % step == 0


def as_list(found):
    return ",".join(map(str, sorted(found)))


def spell_full(fields):
    """A field that names every number reads as `*`."""
    return ["*" if found == set(range(low, high + 1)) else text
            for text, found, (low, high, _) in zip(fields, bits(fields), FIELDS)]


def spell_one(fields):
    """`*` with a step that leaves one number reads as the number."""
    return [as_list(found) if len(found) == 1 else text for text, found in zip(fields, bits(fields))]


def spell_whole_steps(fields):
    """Steps over a whole field read as such, also when their last number is written."""
    spelled = list(fields)
    for i, (text, found, (low, high, _)) in enumerate(zip(fields, bits(fields), FIELDS)):
        steps = [s for s in range(2, high - low + 1) if len(found) >= 3 and found == set(range(low, high + 1, s))]
        if steps and i < 4 and (i < 3 or is_even(low, high, steps[0])):
            spelled[i] = f"*/{steps[0]}"
    return spelled


def spell_uneven(fields):
    """Two numbers of a step that does not divide the field come at no such distance: they are listed."""
    spelled = list(fields)
    for i, (text, found, (low, high, _)) in enumerate(zip(fields, bits(fields), FIELDS)):
        step = re.fullmatch(r"\*/(\d+)", text)
        if step and i < 3 and len(found) < 3 and not is_even(low, high, int(step[1])):
            spelled[i] = as_list(found)
    return spelled


def spell_mixed(fields):
    """Steps beside other numbers are listed: two rules for one field are hard to read."""
    return [spell_runs(found) if "/" in text and "," in text else text for text, found in zip(fields, bits(fields))]


def spell_runs(found):
    parts, rest = [], sorted(found)
    while rest:
        run = 1
        while run < len(rest) and rest[run] == rest[0] + run:
            run += 1
        run = run if run >= 3 else 1
        parts.append(str(rest[0]) if run == 1 else f"{rest[0]}-{rest[run - 1]}")
        rest = rest[run:]
    return ",".join(parts)


def spell_named(fields):
    """Days of the week, and months that no even step names, are listed by name: nobody counts them in steps."""
    month, weekday = bits(fields)[3:]
    spelled = list(fields)
    step = re.fullmatch(r"\*/(\d+)", fields[3])
    if "/" in fields[3] and not (step and is_even(1, 12, int(step[1])) and len(month) >= 3):
        spelled[3] = spell_runs(month)
    if "/" in fields[4]:
        spelled[4] = spell_runs(weekday)
    return spelled


WEEKDAYS = "(?:Sun|Mon|Tues|Wednes|Thurs|Fri|Satur)day"


def day_fields(fields):
    """'either', 'both', or '' when one of them says nothing."""
    day, weekday = bits(fields)[2], bits(fields)[4]
    if len(day) == 31 or len(weekday) == 7:
        return ""
    return "both" if fields[2][0] == "*" or fields[4][0] == "*" else "either"


def drop_useless_days(fields):
    """Either day field is enough, and one of them fits every day: then no day needs to be named."""
    if fields[2][0] != "*" and fields[4][0] != "*" and not day_fields(fields):
        return fields[:2] + ["*", fields[3], "*"]
    return fields


SPELLINGS = [drop_useless_days, spell_mixed, spell_one, spell_full, spell_whole_steps, spell_uneven, spell_named]

def say_either(sentence, fields):
    """Both day fields restricted: cron fires on days that fit either, and "and" says the opposite."""
    if day_fields(fields) != "either":
        return sentence
    return re.sub(f", (?:and )?((?:on )?{WEEKDAYS})", r", or \1", sentence, count=1)


def say_both(sentence, fields):
    """A day field with a star: a day must fit both."""
    if day_fields(fields) != "both":
        return sentence
    return re.sub(f", (?:and )?((?:on )?{WEEKDAYS})", r", but only \1", sentence, count=1)


def say_never(sentence, fields):
    """A date that no calendar has."""
    _, _, days, months, weekdays = bits(fields)
    longest = max(29 if m == 2 else 30 if m in (4, 6, 9, 11) else 31 for m in months)
    either = fields[2][0] != "*" and fields[4][0] != "*"
    return sentence if either or min(days) <= longest else sentence + ", which never comes"


def say_comma(sentence, fields):
    """A list of three has a comma before its last: the library leaves it out between times, and there only."""
    return re.sub(r"^(At \d\d:\d\d [AP]M(?:, \d\d:\d\d [AP]M)+) and", r"\1, and", sentence)


SAYINGS = [say_either, say_both, say_never, say_comma]


def respell(fields, used):
    for rule in SPELLINGS:
        spelled = rule(fields)
        if spelled != fields:
            used.add(rule)
        fields = spelled
    return fields


def rephrase(sentence, fields, used):
    for rule in SAYINGS:
        said = rule(sentence, fields)
        if said != sentence:
            used.add(rule)
        sentence = said
    return sentence


# ---- the tests ----

@pytest.fixture(scope="module")
def answers(ours, libraries):
    rng = random.Random(20260101)
    texts = ALWAYS + [expression(rng) for _ in range(EXPRESSIONS)]
    asked = [(text, rng.choice(ZONES), moment(rng), TICKS) for text in texts]
    mine = ours(asked)
    assert all(answer[0] != "error" for answer in mine), [a for a in mine if a[0] == "error"][:3]
    used = set()
    questions = []
    for (text, zone, after_ms, count), (normal, _, _) in zip(asked, mine):
        fields = normal.split(" ")
        questions.append({"expression": text, "sentenceOf": " ".join(respell(fields, used)), "zone": zone, "afterMs": after_ms,
                          "count": count, "bothDays": fields[2][0] == "*" or fields[4][0] == "*"})
    return list(zip(questions, mine, libraries(questions))), used


def is_fixed(normal):
    return not any(text.startswith("*") for text in normal.split(" ")[:2])


def one_by_one(question, normal, libraries):
    """When clocks change, cron looks at each fixed time by itself: it is caught up when it was skipped and does not come
    twice. The library has that for expressions with one time a day; so each time is asked alone."""
    fields = normal.split(" ")
    minutes, hours = bits(fields)[:2]
    alone = [question | {"expression": " ".join([str(minute), str(hour), *fields[2:]])} for hour in hours for minute in minutes]
    return sorted({tick for answer in libraries(alone) for tick in answer["ticks"]})[:question["count"]]


def test_the_times_are_those_of_the_library(answers, libraries):
    wrong, compared, explained = [], 0, 0
    for question, (normal, _, ticks), theirs in answers[0]:
        mine = [int(tick) for tick in ticks.split(",") if tick]
        compared += len(mine)
        if mine == theirs.get("ticks"):
            continue
        if is_fixed(normal) and mine == one_by_one(question, normal, libraries):
            explained += 1
        else:
            wrong.append((question, mine, theirs))
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[:3]}"
    assert compared > EXPRESSIONS * TICKS * 0.9
    assert explained > 0, "a difference that occurs no more"


def test_the_sentences_are_those_of_the_library(answers):
    wrong, used = [], set(answers[1])
    for question, (normal, sentence, _), theirs in answers[0]:
        expected = rephrase(theirs["sentence"], normal.split(" "), used)
        if sentence != expected:
            wrong.append((question["expression"], normal, question["sentenceOf"], sentence, expected))
    assert not wrong, f"{len(wrong)} differ: {wrong[:8]}"
    idle = [rule.__doc__ for rule in SPELLINGS + SAYINGS if rule not in used]
    assert not idle, f"differences that occur no more: {idle}"


def test_what_is_no_part_of_crontab_is_refused(ours, libraries):
    mine = ours([(text, "UTC", 0, 1) for text, _ in REFUSED])
    theirs = libraries([{"expression": text, "sentenceOf": text, "zone": "UTC", "afterMs": 0, "count": 1, "bothDays": False}
                        for text, _ in REFUSED])
    for (text, reason), answer, library in zip(REFUSED, mine, theirs):
        assert answer[0] == "error" and "column" in answer[1], (text, reason)
        assert library.get("ticks") or library.get("sentence"), f"{text}: the library refuses it too"
