"""Descriptors that are kept for when there are no others."""

import errno
import os

import pytest

from supervisor.kernel import limits
from supervisor.kernel.limits import Reserve


def test_a_reserve_that_another_thread_was_quicker_to_take_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    reserve = Reserve(1)
    with monkeypatch.context() as fault:
        fault.setattr(limits, "any_descriptor", none_left)
        with reserve.released():
            pass
        before = len(os.listdir("/proc/self/fd"))
        reserve.refill()
        assert len(os.listdir("/proc/self/fd")) == before
    reserve.refill()
    assert len(os.listdir("/proc/self/fd")) == before + 1
    reserve.close()
