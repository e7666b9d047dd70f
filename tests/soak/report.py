"""What a soak tells at its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter

from soak.ends import Outcome
from soak.run import Soak
from soak.troubles import Trouble, Troubles

MOMENTS = ("without clients", "with all clients", "with all, at the end", "without, at the end")
"""When the server was looked at; what did not settle has no look at its end."""


def report(soak: Soak) -> str:
    """Return it, some twenty lines."""
    return "\n".join(
        [*_transfers(soak), *_excuses(soak), *_faults(soak.troubles), *_resources(soak)]
    )


def _transfers(soak: Soak) -> Iterator[str]:
    ledger = soak.ledger
    yield f"{'transfers':24}" + "".join(f"{outcome:>9}" for outcome in Outcome) + "  longest"
    for kind in sorted({kind for kind, _ in ledger.outcomes}):
        numbers = "".join(f"{ledger.outcomes[kind, outcome]:9}" for outcome in Outcome)
        yield f"  {kind:22}{numbers}{ledger.longest[kind] / 1000:7.1f} s"
    totals = "".join(f"{ledger.count(outcome):9}" for outcome in Outcome)
    yield f"  {'all':22}{totals}; {ledger.octets / 1e6:.0f} MB carried whole"


def _excuses(soak: Soak) -> Iterator[str]:
    """Say how transfers failed, and what excuses that: each as often as the number behind it."""
    yield "excused"
    for failure in sorted({failure for failure, _ in soak.ledger.excused}):
        numbers = sorted(
            f"{kind} {number}"
            for (each, kind), number in soak.ledger.excused.items()
            if each == failure
        )
        yield f"  {failure:33}{', '.join(numbers)}"


def _faults(troubles: Troubles) -> Iterator[str]:
    """Name the kinds of faults, and how long their tunnels took until they answered again."""
    kinds: defaultdict[str, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        kinds[trouble.kind].append(trouble)
    yield f"{'faults':24}{'number':>9}{'median':>11}{'longest':>11}"
    for kind, those in sorted(kinds.items()):
        those.sort(key=attrgetter("seconds"))
        middle, last = those[len(those) // 2], those[-1]
        times = f"{middle.seconds:9.1f} s{last.seconds:9.1f} s"
        yield f"  {kind:22}{len(those):9}{times}  {last.tunnel}"


def _resources(soak: Soak) -> Iterator[str]:
    yield "memory, warm and at the end: " + ", ".join(map(str, soak.watch.growths.values()))
    for when, look in zip(MOMENTS, soak.watch.looks, strict=False):
        yield f"server, {when}: {look.tasks} tasks, {look.descriptors} descriptors"
