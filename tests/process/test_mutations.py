"""The checker against processes that were made wrong on purpose: nearly all of them are refused."""

from __future__ import annotations

from tests.process.mutations import score


def test_nearly_every_mistake_is_refused() -> None:
    found = score()
    assert found.refused.total() >= 0.95 * found.made.total(), f"{found}\n" + "\n".join(found.passed)
    assert all(found.refused[kind] >= 0.9 * count for kind, count in found.made.items()), str(found)
