"""The command `python -m guards`: switches guards off one at a time, and expects red tests."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from guards import copies, publishing
from guards.catalogue import AREAS
from guards.guard import Guard, GuardError
from guards.running import Colour, Verdict, require_green, try_without

AT_ONCE = 2
"""Tests that run at the same time."""


def main() -> int:
    """Do what the command line says and return the exit status."""
    arguments = _arguments()
    if arguments.publish:
        publishing.publish()
        return 0
    guards = list(_selected(arguments.only))
    if not guards:
        print(f"No guard is called {' or '.join(arguments.only)}.")
        return 1
    began = time.monotonic()
    try:
        copies.prove()
        _require_green(guards)
    except GuardError as error:
        print(error)
        return 1
    if arguments.together:
        print(f"The proofs of {len(guards)} guards pass, one after the other")
        return 0
    standing = _try_all(guards)
    print(f"{len(guards)} guards in {time.monotonic() - began:.0f} s, {standing} without a proof")
    return 1 if standing else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m guards", description=__doc__)
    parser.add_argument(
        "only",
        nargs="*",
        help=f"areas ({', '.join(area.key for area in AREAS)}), or words of a file or an attack",
    )
    parser.add_argument(
        "--together",
        action="store_true",
        help="only see that their tests pass in one run, in this order, with all guards in place",
    )
    parser.add_argument(
        "--publish", action="store_true", help="instead: put the table into the documentation"
    )
    return parser.parse_args()


def _selected(words: Sequence[str]) -> Iterator[Guard]:
    for area in AREAS:
        for guard in area.guards:
            texts = (area.key, guard.file, guard.attack.lower())
            if not words or any(word.lower() in text for word in words for text in texts):
                yield guard


def _require_green(guards: Sequence[Guard]) -> None:
    """See that all tests pass while nothing is switched off; raise `GuardError`."""
    tests = list(dict.fromkeys(guard.test for guard in guards))
    shares = [tests[start::AT_ONCE] for start in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        # Without a name pytest would run all there are.
        list(pool.map(require_green, filter(None, shares)))


def _try_all(guards: Sequence[Guard]) -> int:
    """Switch them off one at a time; print what came of each, return how many are not red."""
    standing = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for verdict in pool.map(try_without, guards):
            _print(verdict)
            standing += verdict.colour is not Colour.RED
    return standing


def _print(verdict: Verdict) -> None:
    guard = verdict.guard
    why = verdict.why if verdict.colour is Colour.RED else f"\n{verdict.why}"
    print(f"{verdict.colour.value:7}  {guard.attack}\n         {guard.test}  {why}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
