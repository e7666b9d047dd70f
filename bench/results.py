"""What a run has measured: samples by measure and tunnel, in the order of the rounds."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from bench.errors import BenchError


@dataclass
class Results:
    """Samples of one run on one machine; `troubles` says what went wrong meanwhile."""

    machine: dict[str, str]
    quick: bool
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    seconds: float = 0.0
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def add(self, measure: str, tunnel: str, value: float) -> None:
        """Note one sample. Samples of one measure are paired by their round."""
        self.samples.setdefault(measure, {}).setdefault(tunnel, []).append(value)

    def median(self, measure: str, tunnel: str) -> float | None:
        """Return the median over the rounds, None if it was not measured."""
        values = self.samples.get(measure, {}).get(tunnel)
        return statistics.median(values) if values else None

    def ratio(self, measure: str, tunnel: str, reference: str) -> float | None:
        """Return the median of the rounds' ratios, so that a slow minute counts for both."""
        row = self.samples.get(measure, {})
        pairs = zip(row.get(tunnel, ()), row.get(reference, ()), strict=False)
        ratios = [value / other for value, other in pairs if other]
        return statistics.median(ratios) if ratios else None

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what an earlier run wrote; raise `BenchError` if that is not what is there."""
        try:
            fields: dict[str, Any] = json.loads(path.read_text())
            return cls(**fields)
        except (OSError, ValueError, TypeError) as error:
            raise BenchError(f"{path} holds no results of the bench: {error}") from None
