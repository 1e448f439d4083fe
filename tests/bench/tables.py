"""How benchmarks print: one table a part, in the form that docs/BENCHMARKS.md quotes."""
import statistics
import time


def table(title, head, rows):
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


def median_of(values, digits=1):
    return f"{statistics.median(values):.{digits}f}"


def milliseconds(stamp):
    seconds = time.mktime(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1000 + int(stamp[20:23])
