"""Whatever text people send, they are told what is wrong with it, or it is kept as it is."""

from __future__ import annotations

import pytest

from tests.modules.profiles.conftest import Village

STRANGE = ["\u0017#\u007f\u009c", "\U000e0001", "\ufeff", "a\u0000b", "\u202eabc", "", " ", "x" * 100]


@pytest.mark.parametrize("text", STRANGE, ids=ascii)
async def test_strange_words_break_nothing(here: Village, text: str) -> None:
    wes = await here.worker()
    settings = {"preferences": {"theme": "dark", text: text}, "privacy": {}}
    about: dict[str, object] = {"about": text, "bio": text, "headline": text, "skills": [text], "location": text, "experience": text}
    sent = [("/users/me/settings", settings), *(("/users/me/profile", {name: value}) for name, value in about.items())]
    for path, body in sent:
        answer = await wes.client.put(path, json=body)
        assert answer.status_code in {200, 422}, (body, answer.text)
        assert (await wes.client.get(path)).status_code == 200
