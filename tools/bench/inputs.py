# SPDX-License-Identifier: Apache-2.0
"""What is converted: made from seeds when it is needed, and removed when no workload needs it any more."""

import dataclasses
import json
import pathlib
import shutil

import measure

HERE = pathlib.Path(__file__).resolve().parent
PRESET = HERE.parents[1] / "rules/gemma2/presets/gemma2-2b/config.json"
PACKS = HERE / "packs"


@dataclasses.dataclass(frozen=True)
class Size:
    gemma: tuple  # options of make_checkpoint, from Gemma 2 2B on
    huge: tuple  # the shape of the one tensor of W9
    shard: str  # the size of W6's files
    most: float  # GB that a workload has on the disk at once, about
    wait: float  # seconds before a run


SIZES = {
    "small": Size(("--scale", 4, "--layers", 12), (8192, 13312), "50MB", 1, 0.5),
    "some": Size(("--layers", 2), (26624, 28672), "400MB", 5, 1),
    "2b": Size((), (53248, 40960), "1GB", 16, 2),
}

# Orbax checkpoints are made of Gemma 2 by rulec, which the workload before them has proved right.
ORBAX = {
    "orbax": (),
    "orbax_unscanned": ("--set", "scan_layers=false"),
    "orbax_zstd": ("--compression", "zstd"),
}


class Inputs:
    """A folder of sources by name."""

    def __init__(self, folder, build, size):
        self.folder, self.build, self.size = folder, build, size

    def get(self, name):
        path = self.folder / name
        if not path.exists():
            partial = self.folder / "partial"
            measure.remove(partial)
            self._make(name, partial)
            partial.rename(path)
        return path

    def keep(self, *names):
        """Removes the others; what Orbax is made of stays with it."""
        wanted = {*names, *("gemma" for name in names if name in ORBAX)}
        for path in self.folder.iterdir():
            if path.name not in wanted:
                measure.remove(path)

    def check_space(self):
        free = shutil.disk_usage(self.folder).free / 1e9
        if free < self.size.most:
            raise measure.Failed(f"{self.folder}: {free:.1f} GB are free, {self.size.most} may be needed")

    def _make(self, name, path):
        if name == "gemma":
            self._checkpoint(PRESET, path, *self.size.gemma)
        elif name == "tiny":
            self._shapes(path, name, num_hidden_layers=10000, hidden_size=32, intermediate_size=64)
        elif name == "huge":
            self._shapes(path, name, hidden_size=self.size.huge[0], intermediate_size=self.size.huge[1])
        else:
            measure.call([self.build / "rulec", "convert", self.get("gemma"), path, *ORBAX[name]])

    def _shapes(self, path, pack, **config):
        document = self.folder / "config.json"
        document.write_text(json.dumps(config))
        self._checkpoint(document, path, "--pack", PACKS / f"{pack}.rules")
        document.unlink()

    def _checkpoint(self, config, path, *options):
        measure.call([self.build / "make_checkpoint", config, path, *options])
