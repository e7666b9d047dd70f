from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pgrok.client.forwarder import TIMEOUTS
from pgrok.errors import ConfigError
from pgrok.server.settings import LifetimeSettings, Settings, load
from pgrok.server.settings.limits import LONGEST, MOST, SHORTEST

KEYS = [
    f"{section}.{key}"
    for section in ("limits", "timeouts", "lifetimes")
    for key in type(getattr(Settings(), section)).model_fields
]


def problems(file: Path, text: str, **environ: str) -> list[str]:
    """Return what is wrong with a file that holds `text` beside what every file needs."""
    file.write_text("proxy: {scheme: http, domain: example.com}\n" + text)
    with pytest.raises(ConfigError) as raised:
        load(file, environ)
    return [str(problem).removeprefix(f"{file}: ") for problem in raised.value.problems]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pgrokd.yml"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["0", "-1", "1e99", ".nan", ".inf", "yes", "many", "[]"])
def test_nothing_can_be_without_a_bound(key: str, value: str, file: Path) -> None:
    section, name = key.split(".")
    (problem,) = problems(file, f"{section}: {{{name}: {value}}}")
    assert problem.startswith(f"{key}: found ")
    assert ", expected a " in problem
    assert " from " in problem


@pytest.mark.parametrize("key", KEYS)
def test_the_environment_can_set_it_and_what_is_wrong_there_is_told(key: str) -> None:
    section, name = key.split(".")
    variable = f"PGROKD_{section}__{name}".upper()
    assert getattr(getattr(load(None, {variable: "7"}), section), name) == 7
    with pytest.raises(ConfigError, match=f"environment: {variable}: found '0', expected a "):
        load(None, {variable: "0"})


def test_a_problem_says_what_may_be_there(file: Path) -> None:
    text = "limits: {visitors: 0, login_attempts: 101}\ntimeouts: {body: 601, drain: 0.01}"
    assert problems(file, text) == [
        f"limits.login_attempts: found '101', expected a whole number from 1 to {100}",
        f"limits.visitors: found '0', expected a whole number from 1 to {MOST}",
        "timeouts.body: found '601', expected a number of seconds from 0.1 to 600",
        f"timeouts.drain: found '0.01', expected a number of seconds from {SHORTEST} to 3600",
    ]


def test_a_half_is_no_number_of_anything(file: Path) -> None:
    (problem,) = problems(file, "limits: {visitors: 1.5}")
    assert problem.startswith("limits.visitors: found '1.5', expected a whole number")


def test_the_client_waits_at_least_as_long_as_any_server() -> None:
    longest = {"timeouts": {"body": 600, "connect": 60, "response": LONGEST, "stalled": LONGEST}}
    timeouts = Settings.model_validate(longest).timeouts
    assert TIMEOUTS.body >= timeouts.body
    assert TIMEOUTS.connect >= timeouts.connect
    assert TIMEOUTS.response >= timeouts.response
    assert TIMEOUTS.stalled >= timeouts.stalled


def test_lifetimes_have_their_units() -> None:
    lifetimes = LifetimeSettings(session_days=1, sign_in_link_minutes=2, removed_name_days=3)
    assert lifetimes.session == timedelta(days=1)
    assert lifetimes.sign_in_link == timedelta(minutes=2)
    assert lifetimes.removed_name == timedelta(days=3)
