"""The first of the two commands, as a newcomer types it."""

from __future__ import annotations

import re
import time
from pathlib import Path

from support.pgrok import home
from support.processes import BIN, Process
from support.ssh import CTRL_C
from support.visitor import visit

ROOT = Path(__file__).parent.parent.parent

PUBLIC_URL = r"http://[\w-]+\.localhost:\d+"


def type_command(folder: Path, *command: str | Path) -> Process:
    """Type a command on a terminal, in the project's folder, with an empty home."""
    return Process(*command, cwd=ROOT, env=home(folder), terminal=True)


def test_make_run(tmp_path: Path) -> None:
    with type_command(tmp_path, "make", "run") as first:
        assert visit(first.wait_for(PUBLIC_URL, timeout=120)[0]).status == 200
        link = first.wait_for(r"http://localhost:\d+/\S+")[0]
        assert visit(link).status in (200, 302, 303)
        first.write(CTRL_C)
        assert first.wait() == 0
    assert "Traceback" not in first.output

    started = time.monotonic()
    with type_command(tmp_path, "make", "run") as second:
        url = second.wait_for(PUBLIC_URL)[0]
        assert time.monotonic() - started < 3
        assert visit(url).status == 200
        # It has a process group of its own, which would be left behind.
        second.write(CTRL_C)
        assert second.wait() == 0


def test_a_taken_port_is_named_and_another_one_used(tmp_path: Path) -> None:
    with type_command(tmp_path / "1", BIN / "pgrokd", "demo") as first:
        url = first.wait_for(PUBLIC_URL)[0]
        with type_command(tmp_path / "2", BIN / "pgrokd", "demo") as second:
            # Which ports are free on the machine of this test is not the test's business.
            second.wait_for(r"Port \d+ is taken: using \d+ for visitors instead\.")
            other = second.wait_for(PUBLIC_URL)[0]
            assert other != url
            assert re.sub(r"\d+$", "", other) == re.sub(r"\d+$", "", url)
            assert visit(other).status == visit(url).status == 200
