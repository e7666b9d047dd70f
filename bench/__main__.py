"""The command `python -m bench`: runs the measures, prints tables, writes JSON and a picture."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import machine, origin, picture, publishing, table
from bench.errors import BenchError
from bench.measures import beside, bulk, connecting, memory, requests, starting, websockets
from bench.measures.run import Run, say
from bench.peers.base import Peer
from bench.peers.direct import Direct
from bench.peers.openssh import OpenSSH
from bench.peers.others import installed
from bench.peers.pgrok import Pgrok, PgrokBySSH
from bench.plan import FULL, QUICK, Plan
from bench.results import Results
from bench.workplace import Workplace

RESULTS = Path(__file__).with_name("results")

SECTIONS: dict[str, Callable[[Run], None]] = {
    "starting": starting.measure,
    "requests": requests.measure,
    "bulk": bulk.measure,
    "beside": beside.measure,
    "websockets": websockets.measure,
    "memory": memory.measure,
    "storm": connecting.measure_storm,
    "many": connecting.measure_many,
}


def main() -> int:
    """Do what the command line says and return the exit status."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _end)
    try:
        if arguments.publish:
            publishing.publish(Results.read(arguments.publish))
            return 0
        earlier = Results.read(arguments.against) if arguments.against else None
        results = _measure(QUICK if arguments.quick else FULL, arguments.only)
    except BenchError as error:
        say(f"bench: {error}")
        return 1
    except KeyboardInterrupt:
        say("bench: ended before it was done; nothing is written")
        return 130
    _report(results, earlier)
    _write(results, "quick" if arguments.quick else "latest")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the main rows, in two minutes")
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="these measures"
    )
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="show the change since the results in FILE"
    )
    parser.add_argument(
        "--publish",
        type=Path,
        metavar="FILE",
        help="instead of measuring: put the results in FILE into the documentation",
    )
    return parser.parse_args()


def _measure(plan: Plan, sections: Sequence[str]) -> Results:
    machine.require_programs()
    machine.raise_limits(plan.open_files)
    if machine.is_busy():
        say("Others are at work on this machine: trust the ratios a little and the rest not.")
    results = Results(machine.facts(), quick=plan is QUICK)
    began = time.monotonic()
    with Workplace() as place, origin.serving(place) as serving:
        run = Run(place, serving, plan, results, _peers(plan))
        for section in sections:
            try:
                SECTIONS[section](run)
            except BenchError as error:
                run.trouble(f"{section} ended early: {error}")
    results.seconds = round(time.monotonic() - began)
    return results


def _peers(plan: Plan) -> list[Peer]:
    peers: list[Peer] = [OpenSSH(), Pgrok("http"), Pgrok("tcp")]
    if plan.all_peers:
        peers = [Direct(), *peers, PgrokBySSH(), *installed()]
    for peer in peers:
        if program := peer.missing():
            raise BenchError(f"{peer.name} needs {program}, which is not installed: run 'make dev'")
    return peers


def _report(results: Results, earlier: Results | None) -> None:
    print(f"\n{table.machine(results)}\n- the run took: {results.seconds:.0f} s")
    print(f"\n{table.measures(results)}\n\n{table.targets(results)}")
    if earlier is not None:
        print(f"\n{table.change(earlier, results)}")
    for trouble in results.troubles:
        print(f"\nTrouble: {trouble}")


def _write(results: Results, name: str) -> None:
    results.write(RESULTS / f"{name}.json")
    (RESULTS / f"{name}.svg").write_text(picture.draw(results))
    say(f"\nWritten: {RESULTS / name}.json and .svg")


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
