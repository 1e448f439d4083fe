"""Tests that wait for the real clock, minutes at a time: a stage of its own beside the others (tests/run.py)."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
