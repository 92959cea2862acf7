# SPDX-License-Identifier: Apache-2.0
"""What a test claims: each claim is told with how it was judged, and a test fails if one of them has."""

failures = []


def claim(what, holds, more="", is_quiet=False):
    """`more` is what a run has said, for who has to find out why. Quiet: what holds is not told of."""
    if not holds:
        failures.append(what)
    if not holds or not is_quiet:
        print(("ok      " if holds else "FAILED  ") + what)
    if not holds and more:
        print("        " + more[:3000].replace("\n", "\n        "))


def judged(more=""):
    """The exit code of a test that has claimed all."""
    print(f"{len(failures)} failed{more}")
    return 1 if failures else 0
