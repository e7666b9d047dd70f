"""What a run needs and what it runs on."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.errors import BenchError
from bench.processes import run

PACKAGES = {
    "nginx": "nginx-light",
    "wrk": "wrk",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "/usr/sbin/sshd": "openssh-server",
}
"""The programs that every run needs and the Debian packages that hold them."""

BUSY = 0.3
"""Load average from which on the figures of a machine are not to be trusted."""


def require_programs() -> None:
    """Raise `BenchError` naming every program that is not installed."""
    if platform.system() != "Linux":
        raise BenchError("the bench reads /proc and needs the loopback network 127/8: use Linux")
    missing = {name: package for name, package in PACKAGES.items() if shutil.which(name) is None}
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        raise BenchError(
            f"not installed: {', '.join(missing)}. Install them: apt install {packages}"
        )


def raise_limits(files: int) -> None:
    """Let us and all that we start have that many open files; raise `BenchError` if we may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= files:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(hard, files)))
    except (OSError, ValueError):
        raise BenchError(
            f"{files} open files are needed and {hard} allowed: raise the limit (ulimit -n) or "
            "leave out what needs them (--only)"
        ) from None


def facts() -> dict[str, str]:
    """Return what the figures depend on."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "programs": ", ".join(_versions()),
        "load before the run": f"{os.getloadavg()[0]:.2f}",
    }


def is_busy() -> bool:
    """Whether others are at work on this machine."""
    return os.getloadavg()[0] > BUSY


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _versions() -> Iterator[str]:
    for name, option in (("nginx", "-v"), ("ssh", "-V")):
        yield run(name, option).strip().removeprefix("nginx version: ")
