#!/usr/bin/python3 -IS
"""Stands before the real terraform and notes what happens to it; all signals go on to it.

    KEDGE_TERRAFORM is a copy of this file in which @TERRAFORM@ and @NOTES@ are replaced

Lines in NOTES, each written at once: what pid run command nanoseconds (CLOCK_REALTIME) [more]
    start    the pid of the real one
    sigint   it got one, told before it is passed on
    end      its exit status, or minus the signal
"""
import os
import re
import signal
import subprocess
import sys
import time

found = re.search(r"/runs/([0-9a-f-]{36})/", " ".join(sys.argv))  # where the plan is; an init has none
run, command = found[1] if found else "-", sys.argv[1] if len(sys.argv) > 1 else "-"


def note(what, more):
    line = f"{what} {os.getpid()} {run} {command} {time.time_ns()} {more}\n"
    notes = os.open("@NOTES@", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(notes, line.encode())
    os.close(notes)


def interrupted(number, frame):
    note("sigint", real.pid)
    real.send_signal(number)


signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # until there is somebody to pass it on to
real = subprocess.Popen(["@TERRAFORM@", *sys.argv[1:]], close_fds=False,
                        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT]))
signal.signal(signal.SIGINT, interrupted)
note("start", real.pid)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
status = real.wait()
note("end", status)
sys.exit(status if status >= 0 else 128 - status)
