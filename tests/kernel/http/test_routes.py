"""Finding what a path leads to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.kernel.http.routes import Routes


def routes(*paths: str) -> Routes[str]:
    found: Routes[str] = Routes()
    for path in paths:
        found.add("GET", path, path)
    return found


@pytest.mark.parametrize(
    ("path", "target", "values"),
    [
        ("/orders", "/orders", ()),
        ("/orders/mine", "/orders/mine", ()),
        ("/orders/7", "/orders/{id}", ("7",)),
        ("/orders/7/bids", "/orders/{id}/bids", ("7",)),
        ("/orders/7/bids/9", "/orders/{id}/bids/{bid}", ("7", "9")),
        ("/orders/mine/bids", "/orders/{id}/bids", ("mine",)),
    ],
)
def test_a_named_segment_goes_before_a_parameter(path: str, target: str, values: tuple[str, ...]) -> None:
    found = routes("/orders", "/orders/mine", "/orders/{id}", "/orders/{id}/bids", "/orders/{id}/bids/{bid}").find(path)
    assert found == ({"GET": target}, values)


@pytest.mark.parametrize("path", ["", "/", "/orders/", "/orders//bids", "/orders/7/", "/orders/7/8", "/ORDERS", "orders"])
def test_what_is_no_path_leads_nowhere(path: str) -> None:
    assert routes("/orders", "/orders/{id}", "/orders/{id}/bids").find(path) is None


def test_one_method_and_path_has_one_target() -> None:
    found = routes("/orders/{id}")
    with pytest.raises(ValueError, match=r"two operations answer GET /orders/\{other\}"):
        found.add("GET", "/orders/{other}", "again")


def test_methods_of_one_path_stand_together() -> None:
    found = routes("/orders/{id}")
    found.add("DELETE", "/orders/{id}", "gone")
    assert found.find("/orders/7") == ({"GET": "/orders/{id}", "DELETE": "gone"}, ("7",))


SEGMENTS = st.lists(st.sampled_from(["a", "b", "{x}"]), min_size=1, max_size=4)


@given(st.lists(SEGMENTS, min_size=1, max_size=8), st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4))
def test_a_path_is_found_exactly_when_some_pattern_fits(patterns: list[list[str]], asked: list[str]) -> None:
    paths = sorted({"/" + "/".join(pattern) for pattern in patterns})
    fits = [p for p in patterns if len(p) == len(asked) and all(s in ("{x}", v) for s, v in zip(p, asked, strict=True))]
    found = routes(*paths).find("/" + "/".join(asked))
    assert (found is not None) == bool(fits)
