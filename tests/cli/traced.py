# SPDX-License-Identifier: Apache-2.0
"""What a traced process has done to files, and what of it a loss of power would leave.

The model is that of POSIX: a write is on the disk when a sync of its file has ended that began after it; a name, when one
of its folder has. What is not may be there or not, all of it or some sectors; names that a folder got later are there
only if those before are.
"""

import ast
import pathlib
import re

CALLS = "openat,mkdir,pwrite64,write,fsync,fdatasync,rename,renameat2,unlink,unlinkat,rmdir,ftruncate,fallocate"
SECTOR = 512


class Op:
    """From one line of the trace to another something happens; `what` says it to a file's bytes or a folder's names."""

    def __init__(self, start, end, what):
        self.start, self.end, self.what = start, end, what


class Node:
    def __init__(self, is_folder):
        self.is_folder, self.ops, self.syncs, self.size = is_folder, [], [], 0

    def settled(self, op, moment):
        return any(op.end <= start and end <= moment for start, end in self.syncs)


def calls(log):
    """Yields (start, end, name, arguments, result) of each call that did not fail, in the order of their ends."""
    begun = {}
    for number, line in enumerate(log.read_text(errors="replace").splitlines()):
        pid, rest = line.split(maxsplit=1)
        if rest.endswith(" <unfinished ...>"):
            begun[pid] = (number, rest.removesuffix(" <unfinished ...>"))
            continue
        start = number
        if resumed := re.match(r"<\.\.\. \w+ resumed>", rest):
            start, first = begun.pop(pid)
            rest = first + rest[resumed.end():]
        # strace says `(DELAYED)` or the like behind the result.
        if found := re.match(r"(\w+)\((.*)\) += (\d+)(<[^>]*>)?( \([A-Z]+\))?$", rest):
            yield start, number, found[1], found[2], found[4]


class Trace:
    """All that happened below `root`, which was empty but for what is read only."""

    def __init__(self, log, root):
        self.root = root
        self.nodes = {str(root): Node(True)}  # by the path that they have at the end
        self.length = 0
        for start, end, name, rest, result in calls(log):
            self.length = end + 1
            getattr(self, "_" + name, lambda *_: None)(start, end, rest, result)

    def _words(self, rest):
        return [str(self.root / word) for word in re.findall(r'"([^"]*)"', rest)]

    def _named(self, start, end, path, *what):
        folder, _, name = path.rpartition("/")
        if folder in self.nodes:
            self.nodes[folder].ops.append(Op(start, end, (what[0], name, *what[1:])))

    def _add(self, start, end, path, is_folder):
        self.nodes[path] = Node(is_folder)
        self._named(start, end, path, "add", self.nodes[path])

    def _of(self, rest):
        return self.nodes.get(re.match(r"\d+<([^>]*)>", rest)[1])

    def _openat(self, start, end, rest, result):
        path = result[1:-1]
        if "O_CREAT" in rest and path.startswith(str(self.root) + "/") and path not in self.nodes:
            self._add(start, end, path, False)

    def _mkdir(self, start, end, rest, _):
        self._add(start, end, self._words(rest)[0], True)

    def _rename(self, start, end, rest, _):
        old, new = self._words(rest)
        self._named(start, end, old, "move", new.rpartition("/")[2])
        self.nodes = {new + path[len(old):] if path == old or path.startswith(old + "/") else path: node
                      for path, node in self.nodes.items()}

    def _unlink(self, start, end, rest, _):
        path = self._words(rest)[0]
        self._named(start, end, path, "drop")
        self.nodes.pop(path, None)

    _renameat2, _rmdir = _rename, _unlink

    def _unlinkat(self, start, end, rest, _):
        at = re.search(r"<([^>]*)>", rest)[1]
        path = str(pathlib.Path(at) / re.search(r'"([^"]*)"', rest)[1])
        self._named(start, end, path, "drop")
        self.nodes.pop(path, None)

    def _fsync(self, start, end, rest, _):
        if node := self._of(rest):
            node.syncs.append((start, end))

    _fdatasync = _fsync

    def _fallocate(self, start, end, rest, _):
        if node := self._of(rest):
            node.ops.append(Op(start, end, ("size", int(rest.split(", ")[-1]))))

    _ftruncate = _fallocate

    def _pwrite64(self, start, end, rest, _):
        if node := self._of(rest):
            size, offset = map(int, rest.split(", ")[-2:])
            node.ops.append(Op(start, end, ("bytes", offset, size, None)))

    def _write(self, start, end, rest, _):
        if node := self._of(rest):
            text = ast.literal_eval("b" + re.search(r', ("(?:[^"\\]|\\.)*"), \d+$', rest)[1])
            node.ops.append(Op(start, end, ("bytes", node.size, len(text), text)))
            node.size += len(text)

    def leave(self, moment, chance, made, into):
        """Makes in the folder `into` what is left of all when power is lost at `moment`. What is not settled is there by
        `chance`, a random.Random, or never if that is None. `made` has the files as they are in the end."""
        bytes_of = {}
        for path, node in self.nodes.items():
            file = made / pathlib.Path(path).relative_to(self.root)
            if file.is_file():
                bytes_of[node] = file.read_bytes()
        self._leave(self.nodes[str(self.root)], moment, chance, bytes_of, into)

    def _leave(self, folder, moment, chance, bytes_of, into):
        names = {}
        happened = [op for op in folder.ops if op.end <= moment]
        settled = sum(folder.settled(op, moment) for op in happened)
        for op in happened[:settled + (chance.randint(0, len(happened) - settled) if chance else 0)]:
            kind, name, *more = op.what
            if kind == "add":
                names[name] = more[0]
            elif node := names.pop(name, None):
                if kind == "move":
                    names[more[0]] = node
        for name, node in names.items():
            if node.is_folder:
                (into / name).mkdir()
                self._leave(node, moment, chance, bytes_of, into / name)
            else:
                (into / name).write_bytes(self._bytes(node, moment, chance, bytes_of.get(node)))

    @staticmethod
    def _bytes(node, moment, chance, made):
        left = bytearray()
        for op in node.ops:
            if op.start > moment:
                continue
            settled = node.settled(op, moment)
            if not settled and (chance is None or chance.random() < 0.3):
                continue
            if op.what[0] == "size":
                del left[op.what[1]:]
                left.extend(bytes(op.what[1] - len(left)))
                continue
            _, offset, size, text = op.what
            text = made[offset:offset + size] if text is None else text
            left.extend(bytes(max(0, offset + len(text) - len(left))))
            is_torn = not settled and chance.random() < 0.5
            begin = 0
            while begin < len(text):
                end = min(len(text), begin + SECTOR - (offset + begin) % SECTOR) if is_torn else len(text)
                if not is_torn or chance.random() < 0.5:
                    left[offset + begin:offset + end] = text[begin:end]
                begin = end
        return left
