# SPDX-License-Identifier: Apache-2.0
"""What a target has, for tests that stop its conversion, and what of it a journal says is done."""

import pathlib
import re

# Times, and the database that refers to the data by random names, are not compared.
SKIPPED = re.compile(r"_CHECKPOINT_METADATA|manifest\.ocdbt|ocdbt\.process|\.rulec-journal")
SMALL = 65536  # the nodes of a database


def content(folder):
    """The bytes of every large file."""
    files = {str(path.relative_to(folder)): path for path in pathlib.Path(folder).rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items()
            if not SKIPPED.search(name) and path.stat().st_size > SMALL}


def size(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file())


def lines(partial):
    journal = partial / ".rulec-journal"
    return journal.read_text().split("\n")[2:-1] if journal.exists() else []


def noted_units(partial):
    return len({line.split(" ")[0] for line in lines(partial)})


def noted_bytes(partial):
    """Bytes in files that the journal speaks of: of a unit that was noted twice, the later ones."""
    units = {}
    for line in lines(partial):
        unit, *extents = line.split(" ")[:-1]
        units[unit] = sum(int(re.search(r"\+(\d+)$", extent.partition("@")[2] or extent.partition("=")[0])[1])
                          for extent in extents)
    return sum(units.values())
