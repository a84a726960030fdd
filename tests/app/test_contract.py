"""The description of the API and the API agree, whatever is sent, whoever asks.

Schemathesis reads a market's OpenAPI document and tries examples, boundaries, generated and broken requests, and chains of
them: nothing may answer 5xx, and no answer may differ from what the document promises.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from sys import executable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Step
from schemathesis.core.result import Ok

from tests.app.running import Souk, bearer, coming_from, every_market
from tests.plugins.permissions import NOBODY

EXAMPLES = 12
"""Generated requests for each operation and kind. Examples and boundaries come on top, some dozens for each."""

SEED = "20261121"
MARKETS = {market.name: market for market in every_market()}
CALLERS = [
    *(("sample", caller) for caller in (NOBODY, *(role.name for role in MARKETS["sample"].roles))),
    ("nimmit", MARKETS["nimmit"].roles[0].name),
]

MISCHIEF = "/sandbox/(faults|events)"
"""Where a developer has the sandbox misbehave."""
CLOCK = "/dev/clock"
"""Moved by decades at a time, it has a market with payments balance its books for every day of them. The sample's is moved."""

UNHEALTHY = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]
"""How Hypothesis finds the generation of requests, which is not what is tested here."""

LAYERED = {"fields", "cursor"}
"""Parameters whose values are right or wrong for reasons that no schema can tell."""


def authorized(market: str, caller: str) -> dict[str, str]:
    return {} if caller == NOBODY else {"Authorization": bearer(market, caller)}


@pytest.mark.parametrize(("market", "caller"), CALLERS)
def test_no_answer_breaks_the_contract(everything: Souk, tmp_path: Path, market: str, caller: str) -> None:
    words = [
        *("run", f"{everything.address}{MARKETS[market].base}/openapi.json"),
        *("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", str(EXAMPLES), "--seed", SEED),
        # What a schema allows may still be refused, for reasons of its own: the test below looks at those.
        *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
        # What is asked for here comes true: a provider that does not answer is a 503 somewhere else.
        *("--exclude-path-regex", f"^({MISCHIEF})$" if market == "sample" else f"^({MISCHIEF}|{CLOCK})$"),
        *("--generation-database", "none", "--suppress-health-check", "all", "--warnings", "off", "--no-color", "--continue-on-failure"),
    ]
    for name, value in {**authorized(market, caller), **coming_from(market, caller)}.items():
        words += ["--header", f"{name}:{value}"]
    program = [str(Path(executable).with_name("schemathesis")), *words]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("SOUK_", "COVERAGE_"))}
    done = subprocess.run(program, cwd=tmp_path, env=plain, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Test cases:" in done.stdout


def test_what_the_document_allows_is_not_called_invalid(everything: Souk) -> None:
    """The document may allow what a rule refuses, under a name of its own. `INVALID` is for what the document forbids."""
    url = everything.address + MARKETS["sample"].base
    headers = authorized("sample", "customer")
    schema = schemathesis.openapi.from_dict(everything.get(f"{MARKETS['sample'].base}/openapi.json").json())
    tried = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        strategy = found.ok().as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)

        @settings(max_examples=30, derandomize=True, database=None, deadline=None, suppress_health_check=UNHEALTHY, phases=[Step.generate])
        @given(case=strategy)
        def send(case: schemathesis.Case[Any]) -> None:
            nonlocal tried
            answer = case.call(base_url=url, headers=headers)
            if answer.status_code == 422 and answer.json()["error"]["code"] == "INVALID" and not has_float(case.body):
                wrong = {problem["field"] for problem in answer.json()["error"]["details"]["fields"]}
                assert wrong <= LAYERED, f"{case.as_curl_command()}\n{answer.text}"
            tried += answer.status_code < 400

        send()
    assert tried > 50


def has_float(body: Any) -> bool:
    """JSON Schema counts 12500.0 among the whole numbers. Amounts are not written so, and it is refused."""
    return isinstance(body, float) or (isinstance(body, dict) and any(has_float(value) for value in body.values()))
