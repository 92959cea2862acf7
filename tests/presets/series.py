"""Lists of tensors in few lines: `model.layers.<0..26>.mlp.up_proj.weight  BF16  [9216 2304]`."""

import itertools
import re

# A number of its own, or behind the name of what is numbered; `wi_0` and `wi_1` are two names.
NUMBER = re.compile(r"(?:(?<=\.)|(?<=layers_)|(?<=layer_)|(?<=block_)|(?<=blocks_))\d+(?=\.|$)")


def boxes(tuples):
    """The tuples as few products of sets, each a list of sorted lists."""
    axes = [sorted(set(axis)) for axis in zip(*tuples)]
    if len(set(tuples)) == len(list(itertools.product(*axes))):
        return [axes]
    rests = {}
    for first, *rest in tuples:
        rests.setdefault(first, []).append(tuple(rest))
    groups = {}
    for first, rest in rests.items():
        groups.setdefault(tuple(sorted(rest)), []).append(first)
    return [[sorted(firsts), *box] for rest, firsts in groups.items() for box in boxes(rest)]


def ranges(numbers):
    """[0, 1, 2, 5] is `0..3,5`."""
    runs = []
    for number in numbers:
        if runs and runs[-1][1] == number:
            runs[-1][1] += 1
        else:
            runs.append([number, number + 1])
    return ",".join(str(a) if b == a + 1 else f"{a}..{b}" for a, b in runs)


def lines(tensors):
    """The lines of {name: (dtype, shape)}, sorted by name."""
    series = {}
    for name, (dtype, shape) in tensors.items():
        numbers = tuple(int(number) for number in NUMBER.findall(name))
        series.setdefault((NUMBER.sub("\0", name), dtype, tuple(shape)), []).append(numbers)
    rows = []
    for (template, dtype, shape), tuples in series.items():
        for box in boxes(tuples):
            name = template
            for numbers in box:
                text = str(numbers[0]) if len(numbers) == 1 else f"<{ranges(numbers)}>"
                name = name.replace("\0", text, 1)
            rows.append((template, name, dtype, f"[{' '.join(map(str, shape))}]"))
    width = max(len(name) for _, name, _, _ in rows)
    return [f"{name:<{width}}  {dtype:<4}  {shape}\n" for _, name, dtype, shape in sorted(rows)]
