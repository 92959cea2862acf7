# SPDX-License-Identifier: Apache-2.0
"""One run of a program: how long it takes, what it takes, and from what state."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

DROP_CACHES = pathlib.Path("/proc/sys/vm/drop_caches")


class Failed(Exception):
    """A program did not do what it was run for; says what it said."""


@dataclasses.dataclass
class Run:
    seconds: float
    cpu_seconds: float  # of all its threads and children, in the program and in the system
    peak_rss: int  # bytes; of this Python at least, which a child is until it becomes the program
    read: int  # bytes from the disk, not from the cache
    written: int  # bytes to the disk
    load: float  # the machine's load average before the run


def _disk_bytes(pid):
    """What a process that has ended, but was not waited for, and those that it waited for moved."""
    lines = pathlib.Path(f"/proc/{pid}/io").read_text().splitlines()
    fields = dict(line.split(": ") for line in lines)
    return int(fields["read_bytes"]), int(fields["write_bytes"]) - int(fields["cancelled_write_bytes"])


def run(command):
    """Times a command. Raises Failed if it fails."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=errors)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its counters stay until wait4 takes them away
        seconds = time.perf_counter() - start
        read, written = _disk_bytes(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace")[-2000:]
            raise Failed(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{said}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, read, written, load)


def call(command, **options):
    """Runs what is not measured and returns what it prints; raises Failed if it fails."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        said = (done.stdout + done.stderr)[-2000:]
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{said}")
    return done.stdout


def synced(command, target):
    """The same command, over when what it made is on the disk, as it is for programs that see to that themselves."""
    return ["sh", "-c", '"$@" && find "$0" -exec sync {} +', target, *command]


def size(path):
    path = pathlib.Path(path)
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else path.stat().st_size


class Cache:
    """The page cache between two runs: empty if we may empty it. `wait` gives the machine time to take its memory back."""

    def __init__(self, wait):
        self.wait = wait
        self.is_cold = os.geteuid() == 0 and os.access(DROP_CACHES, os.W_OK)

    @property
    def state(self):
        return "cold" if self.is_cold else "warm"

    def settle(self):
        os.sync()
        if self.is_cold:
            try:
                DROP_CACHES.write_text("3\n")
            except OSError:  # a container's root may not
                self.is_cold = False
        time.sleep(self.wait)


def remove(path):
    shutil.rmtree(path, ignore_errors=True)
