"""Names of keys, as tmux has them."""

import pytest

from supervisor.text.keys import KeyUnknown, checked


@pytest.mark.parametrize("key", ["", "Entre", "C-", "hello", "C-Enter2", "é", "C-C-C-C-c"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(KeyUnknown):
        checked([key])


@pytest.mark.parametrize("key", ["C-c", "M-x", "C-M-Up", "a", ";", "-", "F12", "Enter", "S-Tab"])
def test_what_is_a_key_passes(key: str) -> None:
    assert checked([key]) == (key,)
