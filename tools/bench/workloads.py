# SPDX-License-Identifier: Apache-2.0
"""What is converted, who converts it, and how we know that they did."""

import dataclasses
import json
import subprocess
import sys

import inputs
import measure

HERE = inputs.HERE


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    what: str
    source: str  # see inputs.py
    options: tuple = ()  # of rulec convert
    pack: str = ""  # one of packs/; else the one built in
    numpy: tuple = ()  # the script and its options
    maxtext: tuple = ()  # options of MaxText's converter
    range_bytes: int = 0  # of each tensor, where the limit is what the system can do with so many of them


WORKLOADS = {
    w.name: w
    for w in (
        Workload("W1", "Gemma 2 to MaxText, layers stacked", "gemma", numpy=("numpy_gemma2.py",), maxtext=("scan_layers=True",)),
        Workload("W2", "Gemma 2 to MaxText, layers apart", "gemma", ("--set", "scan_layers=false"),
                 numpy=("numpy_gemma2.py", "--unscanned"), maxtext=("scan_layers=False",)),
        Workload("W5", "as W1, bfloat16 to float32", "gemma", ("--dtype", "f32"), numpy=("numpy_gemma2.py", "--f32")),
        Workload("W6", "safetensors renamed and cut into other files", "gemma", ("--max-shard-size", "{shard}"), "renamed",
                 ("numpy_plain.py",)),
        Workload("W1z", "as W1, to zstd", "gemma", ("--compression", "zstd")),
        Workload("W8", "MaxText, layers stacked, to Hugging Face", "orbax", numpy=("numpy_gemma2_back.py",)),
        Workload("W8u", "MaxText, layers apart, to Hugging Face", "orbax_unscanned", numpy=("numpy_gemma2_back.py",)),
        Workload("W8z", "as W8, from zstd", "orbax_zstd", numpy=("numpy_gemma2_back.py",)),
        Workload("W7", "10,000 tensors of 4 KB to MaxText", "tiny", pack="tiny", numpy=("numpy_plain.py", "--transpose"),
                 range_bytes=4096),
        Workload("W9", "one tensor transposed in 64 MiB of memory", "huge", ("--store", "safetensors", "--memory", "64MiB"),
                 "huge", ("numpy_plain.py", "--transpose")),
    )
}


@dataclasses.dataclass
class Contestant:
    command: list
    check: list  # fails if what the command made is wrong
    warm: list  # brings the program itself into the cache: what is cold is the checkpoint


class Field:
    """Those who take part in a workload, each with the source and the target that it has there."""

    def __init__(self, sources, python, maxtext_python, names):
        self.sources, self.python, self.maxtext_python, self.names = sources, python, maxtext_python, names
        self.rulec = sources.build / "rulec"
        modules = {"numpy_gemma2_back.py": "numpy, ml_dtypes, tensorstore"}
        self.imports = {script: modules.get(script, "numpy, ml_dtypes") for w in WORKLOADS.values() for script in w.numpy[:1]}
        self.usable = {needs: self._has(needs) for needs in set(self.imports.values())}

    def _has(self, modules):
        return subprocess.run([self.python, "-c", f"import {modules}"], capture_output=True, check=False).returncode == 0

    def of(self, workload, target):
        source = self.sources.get(workload.source)
        makers = {"rulec": self._rulec, "limit": self._limit, "cp": self._cp, "NumPy": self._numpy, "MaxText": self._maxtext}
        made = {name: make(workload, source, target) for name, make in makers.items() if name in self.names}
        return {name: contestant for name, contestant in made.items() if contestant}

    def _pack(self, workload):
        return ["--pack", inputs.PACKS / f"{workload.pack}.rules"] if workload.pack else []

    def _options(self, workload):
        return [*self._pack(workload), *(option.format(shard=self.sources.size.shard) for option in workload.options)]

    def _diff(self, workload, source, made):
        return [self.rulec, "diff", source, made, *self._pack(workload)]

    def _rulec(self, workload, source, target):
        command = [self.rulec, "convert", source, target, *self._options(workload), "--progress", "none"]
        return Contestant(command, self._diff(workload, source, target), [self.rulec, "packs"])

    def _limit(self, workload, source, target):
        program = self.sources.build / "ring_copy"
        ranges = [workload.range_bytes] if workload.range_bytes else []
        return Contestant([program, source, target, *ranges], ["diff", "-r", source, target], [program])

    def _cp(self, _, source, target):
        command = measure.synced(["cp", "-r", source, target], target)
        return Contestant(command, ["diff", "-r", source, target], ["cp", "--version"])

    def _numpy(self, workload, source, target):
        if not workload.numpy or not self.usable[self.imports[workload.numpy[0]]]:
            return None
        script, *options = workload.numpy
        names = [self._names(workload, source)] if script == "numpy_plain.py" else []
        command = measure.synced([self.python, HERE / script, source, target, *names, *options], target)
        warm = [self.python, "-c", f"import {self.imports[script]}"]
        return Contestant(command, self._diff(workload, source, target), warm)

    def _names(self, workload, source):
        """The file of names that numpy_plain.py is told: a tensor's, and what it becomes."""
        command = [self.rulec, "convert", source, "nowhere", *self._options(workload), "--dry-run", "--format", "json"]
        tensors = json.loads(measure.call(command))["tensors"]
        path = self.sources.folder.parent / "names.json"
        path.write_text(json.dumps({t["sources"][0]: t["name"] for t in tensors}))
        return path

    def _maxtext(self, workload, source, target):
        """With one device and without lazy loading, its fastest. tests/orbax/requirements-logits.txt lists what it needs."""
        if not self.maxtext_python or not workload.maxtext or self.sources.size is not inputs.SIZES["2b"]:
            return None  # its table of shapes knows whole models only
        find = "import importlib.util as u; print(u.find_spec('maxtext').submodule_search_locations[0])"
        config = measure.call([self.maxtext_python, "-c", find]).strip() + "/configs/base.yml"
        environment = ["JAX_PLATFORMS=cpu", "HF_HUB_OFFLINE=1", "TRANSFORMERS_OFFLINE=1"]
        command = ["env", *environment, self.maxtext_python, "-m", "maxtext.checkpoint_conversion.to_maxtext", config,
                   "model_name=gemma2-2b", f"base_output_directory={target}", "run_name=bench", "hardware=cpu",
                   "skip_jax_distributed_system=True", "attention=dot_product", *workload.maxtext, f"--hf_model_path={source}",
                   "--simulated_cpu_devices_count=1", "--lazy_load_tensors=False"]
        # It rounds before it scales, so that bits differ: what is checked is that all of it is there.
        check = [self.rulec, "inspect", target / "0/items"]
        return Contestant(measure.synced(command, target), check, [self.maxtext_python, "-c", "import jax, torch"])


def field(args, sources):
    names = ["rulec", *args.against.split(","), *(["MaxText"] if args.maxtext_python else [])]
    return Field(sources, args.python or sys.executable, args.maxtext_python, names)
