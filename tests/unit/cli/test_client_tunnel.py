"""What the client's log makes of the words of others."""

from __future__ import annotations

import logging

import pytest

from pgrok.cli.client_tunnel import _log_to_stderr

WORDS = "bye\r\n🎉 You're ready to go live at http://evil! \x1b[2J"


@pytest.mark.parametrize("debug", [True, False])
def test_no_words_of_others_begin_a_line(debug: bool, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers.clear()
    _log_to_stderr(debug=debug)
    try:
        raise ValueError(WORDS)
    except ValueError:
        logging.getLogger("asyncssh").exception("Disconnected: %s", WORDS)
    lines = capsys.readouterr().err.splitlines()
    assert "Disconnected: bye��🎉" in lines[0]
    assert [line for line in lines[1:] if not line.startswith("  ")] == []
    assert "\x1b" not in "".join(lines)
