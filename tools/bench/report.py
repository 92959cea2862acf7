# SPDX-License-Identifier: Apache-2.0
"""What came out: ratios of rounds, their medians and ranges."""

import dataclasses
import os
import pathlib
import platform
import statistics
import subprocess

OFF = 0.3  # a round whose limit run is further than that from their median tells of the machine, not of programs


@dataclasses.dataclass
class Race:
    """A workload's runs, by contestant, a list item a round."""

    name: str
    what: str
    source_bytes: int
    target_bytes: dict = dataclasses.field(default_factory=dict)  # by contestant
    runs: dict = dataclasses.field(default_factory=dict)
    notes: list = dataclasses.field(default_factory=list)

    def payload(self, name):
        return self.source_bytes + self.target_bytes[name]


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def discarded(race):
    """Rounds, from 0, and how long their limit run took of the median."""
    seconds = [run.seconds for run in race.runs.get("limit", [])]
    off = {i: s / statistics.median_low(seconds) for i, s in enumerate(seconds)}
    return {i: ratio for i, ratio in off.items() if abs(ratio - 1) > OFF}


def _costs(race, name, rounds):
    runs = [race.runs[name][i] for i in rounds]
    return {
        "peak_rss": max(run.peak_rss for run in runs),
        "cpu_seconds_per_gb": statistics.median(run.cpu_seconds for run in runs) / race.source_bytes * 1e9,
        "read_amplification": statistics.median(run.read for run in runs) / race.source_bytes,
        "write_amplification": statistics.median(run.written for run in runs) / race.target_bytes[name],
    }


def summary(race):
    """A race as JSON: for each of the others how many times as fast rulec is, and the part of the limit's rate it reaches."""
    off = discarded(race)
    rounds = [i for i in range(max(map(len, race.runs.values()), default=0)) if i not in off]
    seconds = {name: [runs[i].seconds for i in rounds] for name, runs in race.runs.items()}
    mine = seconds.get("rulec", [])
    out = {
        "workload": race.name, "what": race.what, "source_bytes": race.source_bytes, "target_bytes": race.target_bytes,
        "rounds": len(rounds), "discarded": {i + 1: ratio for i, ratio in off.items()}, "notes": race.notes,
        "ratios": {
            name: spread([theirs / ours for theirs, ours in zip(values, mine)])
            for name, values in seconds.items() if name != "rulec" and mine
        },
        "costs": {name: _costs(race, name, rounds) for name in race.runs},
        "runs": {name: [dataclasses.asdict(run) for run in runs] for name, runs in race.runs.items()},
    }
    if "limit" in out["ratios"]:
        more = race.payload("rulec") / race.payload("limit")
        out["part_of_limit"] = {key: ratio * more for key, ratio in out["ratios"]["limit"].items()}
    return out


def _number(value):
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _cell(values):
    return f"**{_number(values['median'])}** ({_number(values['min'])}-{_number(values['max'])})" if values else ""


def _table(rows):
    head, *body = rows
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---|---|" + "---:|" * (len(head) - 2), *lines[1:]]) if body else ""


def ratios_table(summaries):
    others = [name for name in ("cp", "NumPy", "MaxText") if any(name in s["ratios"] for s in summaries)]
    rows = [["", "`rulec convert`", "part of the limit's rate", *(f"times as fast as {name}" for name in others)]]
    for s in summaries:
        ratios = [_cell(s["ratios"].get(name)) for name in others]
        rows.append([s["workload"], s["what"], _cell(s.get("part_of_limit")), *ratios])
    return _table(rows)


def costs_table(summaries):
    names = [name for name in ("rulec", "cp", "NumPy", "MaxText") if any(name in s["costs"] for s in summaries)]
    rows = [["", "MiB of memory at most; CPU seconds per GB of source", *names, "rulec reads, writes, of the payload"]]
    for s in summaries:
        costs = s["costs"]
        cells = [f"{costs[n]['peak_rss'] / 2**20:.0f}; {costs[n]['cpu_seconds_per_gb']:.2f}" if n in costs else "" for n in names]
        mine = costs.get("rulec")
        moved = f"{mine['read_amplification']:.2f}, {mine['write_amplification']:.2f}" if mine else ""
        rows.append([s["workload"], s["what"], *cells, moved])
    return _table(rows)


def remarks(summaries):
    lines = []
    for s in summaries:
        off = [f"round {i} discarded, its limit run took {ratio:.2f} of the median" for i, ratio in s["discarded"].items()]
        lines += [f"- {s['workload']}: {remark}" for remark in (*off, *s["notes"])]
    return "\n".join(lines)


def _processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def machine(folder):
    """What the figures are of."""
    listed = subprocess.run(["df", "--output=fstype", folder], capture_output=True, text=True, check=False).stdout.split()
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "file_system": listed[-1] if listed else "?",
        "kernel": platform.release(),
    }
