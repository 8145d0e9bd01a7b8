import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.errors import ConfigWrong
from syncd.web.callback import RateLimit, secret_path


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_never_more_than_the_rate_and_one_burst(pauses: list[float]) -> None:
    clock = Hand()
    limit = RateLimit(2.0, 5, monotonic=clock)
    admitted, begin = 0, clock.now
    for pause in pauses:
        clock.now += pause
        admitted += limit.admits()
        assert admitted <= 5 + 2.0 * (clock.now - begin) + 1e-6


def test_a_patient_caller_is_always_admitted() -> None:
    clock = Hand()
    limit = RateLimit(2.0, 1, monotonic=clock)
    for _ in range(20):
        assert limit.admits()
        assert not limit.admits()
        clock.now += 0.5


def test_the_secret_is_the_last_part_of_the_path() -> None:
    url = "https://hook.example.com/zoho/Yx3kq8Zp0vWm2Jr6Tn4Bs9Ld"
    assert secret_path(url) == "/zoho/Yx3kq8Zp0vWm2Jr6Tn4Bs9Ld"


@pytest.mark.parametrize(
    "url", ["https://hook.example.com", "https://hook.example.com/zoho", "https://hook.example.com/" + "a" * 21 + "/"]
)
def test_a_guessable_path_is_refused_with_a_way_to_make_one(url: str) -> None:
    with pytest.raises(ConfigWrong) as caught:
        secret_path(url)
    assert "token_urlsafe" in caught.value.fix
    assert caught.value.problems[0].where == "callback.url"
