"""Patterns of people, as RE2 takes them."""

from typing import Any

import pytest
import re2

from supervisor.text.patterns import compiled


def test_a_pattern_that_only_fails_with_what_is_put_in_front_of_it_is_refused_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As one whose program is then too large."""
    compile = re2.compile

    def fail(text: str, options: Any) -> Any:
        if text.startswith("(?m)"):
            raise re2.error("pattern too large")
        return compile(text, options)

    monkeypatch.setattr(re2, "compile", fail)
    with pytest.raises(ValueError, match="is no pattern for RE2"):
        compiled("as large as it may be")
