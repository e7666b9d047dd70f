"""What the daemon says of its settings file before it serves."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from pgrok.server.daemon import warn_of


def test_secrets_that_everybody_may_read_are_told_without_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "pgrokd.yml"
    file.write_text("metrics: {token: a-long-metrics-token}")
    file.chmod(0o644)
    with capture_logs() as lines:
        warn_of(file)
    (line,) = lines
    assert (line["log_level"], line["holds"]) == ("warning", "metrics.token")
    assert f"chmod 600 {file}" in line["advice"]
    assert "a-long-metrics-token" not in str(line)


def test_a_closed_file_or_none_is_not_worth_a_word(tmp_path: Path) -> None:
    file = tmp_path / "pgrokd.yml"
    file.write_text("metrics: {token: a-long-metrics-token}")
    file.chmod(0o600)
    with capture_logs() as lines:
        warn_of(file)
        warn_of(None)
    assert lines == []
