import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from syncd.daemon.stop import StopRequest
from syncd.errors import Draining
from tests.integration.daemon.world import until


def test_a_wait_lasts_as_long_as_asked() -> None:
    begin = time.monotonic()
    StopRequest().wait(0.05)
    assert 0.05 <= time.monotonic() - begin < 5
    StopRequest().wait(0)
    StopRequest().wait(-1, remote_id="7")


def test_a_stop_ends_every_wait_and_all_later_ones() -> None:
    stop = StopRequest()
    with ThreadPoolExecutor(32) as pool:
        waits = [pool.submit(stop.wait, 3600, remote_id=str(number % 3)) for number in range(32)]
        until(lambda: sum(stop._waiting.values()) == 32)
        stop.stop()
        for wait in waits:
            with pytest.raises(Draining):
                wait.result(5)
    assert stop.stopping
    for late in (stop.check, lambda: stop.wait(3600), lambda: stop.wait(0)):
        with pytest.raises(Draining):
            late()
    assert stop._waiting == {}


def test_a_hint_ends_the_wait_for_its_job_alone() -> None:
    stop = StopRequest()
    with ThreadPoolExecutor(3) as pool:
        both = [pool.submit(stop.wait, 3600, remote_id="7") for _ in range(2)]
        other = pool.submit(stop.wait, 3600, remote_id="8")
        until(lambda: sum(stop._waiting.values()) == 3)
        stop.notify("9")
        stop.notify("7")
        for wait in both:
            wait.result(5)
        assert not other.done()
        stop.stop()
        with pytest.raises(Draining):
            other.result(5)


def test_a_hint_that_came_early_is_used_once() -> None:
    stop = StopRequest()
    stop.notify("7")
    stop.wait(3600, remote_id="7")
    begin = time.monotonic()
    stop.wait(0.05, remote_id="7")
    assert time.monotonic() - begin >= 0.05


def test_a_nameless_wait_hears_no_hint() -> None:
    stop = StopRequest()
    stop.notify("")
    begin = time.monotonic()
    stop.wait(0.05)
    assert time.monotonic() - begin >= 0.05


def test_a_flood_of_hints_is_forgotten_but_for_the_newest() -> None:
    stop = StopRequest()

    def hints() -> None:
        for number in range(5000):
            stop.notify(str(number))

    flood = [threading.Thread(target=hints) for _ in range(4)]
    for thread in flood:
        thread.start()
    for thread in flood:
        thread.join()
    assert len(stop._early) == 256
    stop.wait(3600, remote_id="4999")


def test_use_is_a_sign_of_life() -> None:
    ticks = iter(range(100))
    stop = StopRequest(monotonic=lambda: float(next(ticks)))
    before = stop.last_used
    stop.check()
    assert stop.last_used > before
