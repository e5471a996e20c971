"""The tools, in one table: what each takes, whether it operates workers, and which command it is.

list status why screen logs wait briefing        look
prompt send_keys order                           operate: only with `--operate`
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from actors.frozen import frozen
from supervisor.mcp.calls import Answer, Call
from supervisor.mcp.parameters import Arguments, Parameter, read, schema_of
from supervisor.mcp.untrusted import capped, fenced
from supervisor.text.plain import visible
from supervisor.wire.errors import CommandError

Run = Callable[[Call, Arguments], Answer]


@frozen(kw_only=True)
class Tool:
    """`keep_end`: of an answer that is too long, the end is kept. `more`: how the agent gets what is left out."""

    name: str
    told: str
    parameters: tuple[Parameter, ...]
    run: Run
    operates: bool = False
    keep_end: bool = False
    more: str = "ask about fewer workers"

    def to_dict(self) -> dict[str, Any]:
        """Return the tool as `tools/list` has it."""
        hints = {"readOnlyHint": not self.operates, "destructiveHint": self.operates, "openWorldHint": self.operates}
        return {
            "name": self.name,
            "description": self.told,
            "inputSchema": schema_of(self.parameters),
            "annotations": hints,
        }

    def call(self, call: Call, given: object) -> Answer:
        """Carry it out; what is wrong is an answer that failed, so that the agent can do better."""
        try:
            if self.operates and not call.access.operate:
                what = "this takes `panevisor mcp --operate`, or a token that may operate"
                raise CommandError("not-permitted", f"{self.name} is not permitted: {what}")
            answer = self.run(call, read(self.parameters, given))
        except CommandError as error:
            return Answer(f"{error.code}: {error.message}", failed=True, own=True)
        if answer.own:
            return answer
        return Answer(fenced(capped(answer.text, keep_end=self.keep_end, more=self.more)), answer.failed)


# ── what they do ──────────────────────────────────────────────────────────────────────────────────────────────────


def _list(call: Call, given: Arguments) -> Answer:
    import time

    from supervisor.explain.filter import parsed
    from supervisor.explain.need import in_need_first
    from supervisor.text.tables import summary, table

    picture = call.picture()
    try:
        wanted = parsed(given["filter"] or "")
    except ValueError as error:
        raise CommandError("usage", f"filter {error}") from None
    workers = [worker for worker in in_need_first(picture["workers"]) if wanted.matches(worker)]
    lines = summary(picture)
    if given["filter"]:
        lines.append(f"{len(workers)} of them fit the filter")
    rows = [table(workers, now=time.time())] if workers else []
    return Answer("\n".join([*lines, "", *rows]))


def _status(call: Call, given: Arguments) -> Answer:
    workers = call.picture()["workers"]
    names = set(call.chosen(workers, (given["name"],)))
    found = [json.dumps(worker, ensure_ascii=False) for worker in workers if worker["name"] in names]
    return Answer(visible("\n".join(found), keep="\n"))


def _one(call: Call, given: Arguments) -> list[str]:
    """Return the name of the one worker that is meant; raises CommandError."""
    names = call.names([given["name"]])
    if len(names) > 1:
        raise CommandError("usage", f"name one worker; that means {', '.join(names[:5])}")
    return names


def _why(call: Call, given: Arguments) -> Answer:
    return call.command("why", names=_one(call, given))


def _screen(call: Call, given: Arguments) -> Answer:
    answer = call.command("screen", f"--history={given['history']}", names=_one(call, given))
    return answer if answer.text.strip() else Answer("(the screen is empty)", answer.failed)


def _logs(call: Call, given: Arguments) -> Answer:
    options = [f"--lines={given['lines']}", *(["--previous"] if given["previous"] else [])]
    options += [f"--{key}={given[key]}" for key in ("since", "grep") if given[key] is not None]
    answer = call.command("logs", *options, names=_one(call, given))
    return answer if answer.text.strip() else Answer("(no such line)", answer.failed)


def _wait(call: Call, given: Arguments) -> Answer:
    timeout = given["timeout_s"]
    options = (f"--for={given['for']}", f"--timeout={timeout}s")
    return call.command("wait", *options, names=call.names(given["names"]), wait=timeout)


def _briefing(call: Call, given: Arguments) -> Answer:
    project = [] if call.access.project is None else [f"--project={call.access.project}"]
    return call.command("briefing", f"--since={given['since']}", *project)


def _prompt(call: Call, given: Arguments) -> Answer:
    timeout = given["timeout_s"]
    until = [] if given["wait_for"] is None else [f"--wait-for={given['wait_for']}"]
    options = (f"--timeout={timeout}s", *until, *(["--command"] if given["command"] else []))
    (name,) = _one(call, given)
    answer = call.command("prompt", *options, names=[name, "-"], text=given["text"], wait=timeout)
    return answer if answer.failed or until else Answer(f"submitted to {name}", own=True)


def _send_keys(call: Call, given: Arguments) -> Answer:
    if (given["keys"] is None) == (given["text"] is None):
        raise CommandError("usage", "give either keys or text")
    (name,) = _one(call, given)
    if given["keys"] is not None:
        answer = call.command("send", "--keys", names=[name, *given["keys"]])
    else:
        options = () if given["enter"] else ("--no-enter",)
        answer = call.command("send", *options, names=[name, "-"], text=given["text"])
    return answer if answer.failed else Answer(f"typed into {name}", own=True)


def _order(call: Call, given: Arguments) -> Answer:
    names, timeout = call.names(given["names"]), given["timeout_s"]
    return call.command(given["do"], f"--timeout={timeout}s", names=names, wait=timeout)


# ── the table ─────────────────────────────────────────────────────────────────────────────────────────────────────

_NAME = Parameter(name="name", told="The name of one worker.", required=True)
_NAMES = Parameter(name="names", kind="texts", told="Names of workers; globs like web-* too.", required=True)


def _timeout(default: int, told: str, most: int = 600) -> Parameter:
    return Parameter(name="timeout_s", kind="whole", told=told, default=default, least=1, most=most)


_TOOLS = (
    Tool(
        name="briefing",
        told="What to know now, in one short text: who needs a person and why, what restarts when, what changed since. "
        "Begin with it.",
        parameters=(Parameter(name="since", told='Changes from then on: "30m", "2h", "09:30".', default="1h"),),
        run=_briefing,
    ),
    Tool(
        name="list",
        told="The workers as a table with state, health, restarts, CPU, memory and reason; those in need come first.",
        parameters=(
            Parameter(
                name="filter",
                told="Terms that all have to hold: state:failed, is:need, project=shop, rss>1G, restarts>=3, a label "
                "tier=web, or text. -term means: not so.",
            ),
        ),
        run=_list,
        more="use a filter",
    ),
    Tool(
        name="status",
        told="Everything known about one worker, as JSON: state, health, attention, exit, restarts, CPU, memory.",
        parameters=(_NAME,),
        run=_status,
    ),
    Tool(
        name="why",
        told="What led to a worker's state, its last words, what its policy says, and what happens next and when.",
        parameters=(_NAME,),
        run=_why,
    ),
    Tool(
        name="screen",
        told="What the terminal of a worker shows now, as plain text.",
        parameters=(
            _NAME,
            Parameter(
                name="history", kind="whole", told="Also so many rows that have scrolled off.", default=0, most=2000
            ),
        ),
        run=_screen,
        keep_end=True,
        more="ask for less history",
    ),
    Tool(
        name="logs",
        told="The last lines that a worker printed.",
        parameters=(
            _NAME,
            Parameter(name="lines", kind="whole", told="At most so many.", default=100, least=1, most=2000),
            Parameter(name="since", told='Only lines from then on: "10m", "09:30".'),
            Parameter(name="grep", told="Only lines that match this pattern (RE2)."),
            Parameter(name="previous", kind="truth", told="Of the life before the present one.", default=False),
        ),
        run=_logs,
        keep_end=True,
        more="ask for fewer lines, or with grep or since",
    ),
    Tool(
        name="wait",
        told="Wait until workers are ready, completed or ended. It fails when one cannot come there any more.",
        parameters=(
            _NAMES,
            Parameter(
                name="for",
                told="ready: running or completed. ended: completed, failed or stopped.",
                choices=("ready", "completed", "ended"),
                default="ended",
            ),
            _timeout(30, "Wait at most so many seconds."),
        ),
        run=_wait,
    ),
    Tool(
        name="prompt",
        told="Paste a prompt into an agent or a console, see it there, press Enter, and look whether it was taken. "
        "Never repeat it after an unknown outcome: look at the screen first.",
        parameters=(
            _NAME,
            Parameter(name="text", told="The prompt; it may have several lines.", required=True),
            Parameter(
                name="wait_for",
                told='Then wait for output that matches this pattern, or with "idle" for silence; return it.',
            ),
            Parameter(name="command", kind="truth", told="Type it plainly, like a slash command.", default=False),
            _timeout(60, "Wait at most so many seconds, for all of it."),
        ),
        run=_prompt,
        operates=True,
        keep_end=True,
        more="see logs",
    ),
    Tool(
        name="send_keys",
        told="Type text or press keys in the terminal of a worker. It is refused while a person types there.",
        parameters=(
            _NAME,
            Parameter(name="text", told="Text to type; Enter follows."),
            Parameter(name="keys", kind="texts", told="Or keys by tmux's names: C-c, Enter, Escape, Up, y."),
            Parameter(name="enter", kind="truth", told="Whether Enter follows the text.", default=True),
        ),
        run=_send_keys,
        operates=True,
    ),
    Tool(
        name="order",
        told="Start, stop or restart workers, and wait for the verdict on each. A stopped worker stays stopped.",
        parameters=(
            Parameter(name="do", told="The order.", choices=("start", "stop", "restart"), required=True),
            _NAMES,
            _timeout(60, "Wait at most so many seconds for the verdicts.", most=300),
        ),
        run=_order,
        operates=True,
    ),
)
TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _TOOLS}
