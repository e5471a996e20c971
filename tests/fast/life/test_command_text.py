"""A text command that no shell has to read is executed itself, and its signals are its own."""

import shlex
import subprocess

import pytest
from kit.life import S, corpse_of, running

from actors.values.command_text import words_of
from actors.values.spec import ExitAction, ExitRule, Restart

FAIL = ExitAction.FAIL
SIMPLE = (
    ("sleep 1000", ("sleep", "1000")),
    ("  python3  -m http.server\t8080 ", ("python3", "-m", "http.server", "8080")),
    ("""./run.sh --name='a b' "c d"e""", ("./run.sh", "--name=a b", "c de")),
    ("serve --at 127.0.0.1:80 -- ''", ("serve", "--at", "127.0.0.1:80", "--", "")),
)
NOT_SIMPLE = (
    "a && b", "a | b", "a; b", "a > b", "a &", "a $B", 'a "$B"', "a `b`", "a *.py", "a ~/b", "A=1 b", "a \\ b", "(a)",
    "a # b",
    "{ a; }", "! a", "exec a", "cd /x", "source x", ". x", "if true", "echo hi", "a\nb", "a [b]", "a 'b", "a é", "''",
)  # fmt: skip


@pytest.mark.parametrize(("text", "words"), SIMPLE)
def test_a_simple_text_is_its_own_program(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words
    script = f"show() {{ printf '%s\\n' \"$@\"; }}; show {text}"
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == (
        "".join(f"{word}\n" for word in words)
    )
    assert words_of(shlex.join(words)) == words


@pytest.mark.parametrize("text", NOT_SIMPLE)
def test_what_means_something_to_a_shell_is_left_to_it(text: str) -> None:
    assert words_of(text) is None


@pytest.mark.parametrize("part", ["a", "./a ", "'a'b", '"a"'])
def test_a_long_text_is_told_in_one_pass(part: str) -> None:
    assert words_of(part * 20_000 + ";") is None


@pytest.mark.parametrize(
    "rule", [ExitRule(do=ExitAction.FAIL, signals=(11,)), ExitRule(do=ExitAction.FAIL, codes=(139,))]
)
@pytest.mark.parametrize(
    ("command", "code", "signal"),
    [("a && b", 139, None), ("a", None, 11), (("a",), None, 11), (("bash", "-lc", "a; b"), 139, None)],
)
def test_a_signal_is_the_same_in_both_forms_of_a_command(
    rule: ExitRule, command: str | tuple[str, ...], code: int | None, signal: int | None
) -> None:
    s = running(command=command, on_exit=(rule,))
    s.seen(corpse_of(s.life, code, signal))
    assert (s.w.state, s.w.exit and (s.w.exit.code, s.w.exit.signal)) == (S.FAILED, (None, 11))


def test_a_program_s_own_code_above_128_stays_a_code_and_an_ok_code_may_name_a_signal() -> None:
    s = running(command=("java",), restart=Restart.NEVER).exits(143)
    assert (s.w.state, s.w.exit and s.w.exit.code) == (S.FAILED, 143)
    s = running(command=("bash", "start.sh", "-c"), restart=Restart.NEVER).exits(143)
    assert (s.w.exit and s.w.exit.code) == 143  # a script decides itself what it ends with
    assert running(command="a && b", ok_exit_codes=(143,)).exits(143).w.state is S.COMPLETED
    assert running(command=("a",), ok_exit_codes=(143,)).exits(None, 15).w.state is S.COMPLETED
    assert running(command="a && b", restart=Restart.NEVER).exits(200).w.exit.code == 200  # type: ignore[union-attr]
