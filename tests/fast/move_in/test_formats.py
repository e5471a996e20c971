"""Each format: what is carried over, what is named, and that `check` passes whatever the file says."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from kit.command import run_here

from supervisor.config.load import load_text
from supervisor.move_in.convert import FORMATS, convert, recognised
from supervisor.move_in.documents import json_of
from supervisor.move_in.draft import Unreadable

pytest.importorskip("yaml", reason="part of the extra [test]; this .venv was made before it was")


def moved(place: Path, name: str, text: str) -> tuple[dict[str, Any], list[str]]:
    """Return the workers of the config made from a file, and the notes; the config is valid."""
    (place / name).write_text(text)
    found = convert(place / name)
    load_text(found.text.encode(), place / "panevisor.toml")
    notes = [note.what for note in found.draft.notes]
    notes += [f"{table.name}: {note.what}" for table in found.draft.tables() for note in table.notes]
    assert all("! " in found.text for _ in notes)
    return tomllib.loads(found.text), notes


# ── supervisord ───────────────────────────────────────────────────────────────────────────────────────────────────

SUPERVISORD = """
[unix_http_server]
file=/tmp/s.sock   ; a comment
[supervisord]
environment=BASE="/opt"
[program:web]
command=/usr/bin/serve --name "a b" --key=%(ENV_KEY)s --base %(ENV_BASE)s ; the server
directory=%(here)s/app
environment=LIB="%(ENV_BASE)s/lib,x",SAME="%(ENV_SAME)s"
autorestart=true
startsecs=5
startretries=7
exitcodes=0,2
stopsignal=QUIT
stopwaitsecs=30
stopasgroup=true
stdout_logfile=/var/log/web.log
stdout_logfile_maxbytes=1MB
stdout_logfile_backups=2
priority=10
[program:many]
command=work --port=80%(process_num)02d
process_name=%(program_name)s_%(process_num)02d
numprocs=3
[group:shop]
programs=many
[eventlistener:mem]
command=memmon
"""


def test_supervisord(tmp_path: Path) -> None:
    made, notes = moved(tmp_path, "supervisord.conf", SUPERVISORD)
    web, many = made["workers"]["web"], made["workers"]["many"]
    assert made["defaults"]["max_restarts"] == 3
    assert web["command"] == "exec /usr/bin/serve --name 'a b' --key=\"${KEY?}\" --base /opt"
    assert web["cwd"] == str(tmp_path / "app")
    assert web["env"] == {"BASE": "/opt", "LIB": "/opt/lib,x"}
    assert (web["restart"], web["max_restarts"], web["healthy_after"], web["ok_exit_codes"]) == (
        "always",
        7,
        "5s",
        [0, 2],
    )
    assert (web["ready"], web["log"]) == ({"delay": "5s"}, {"max_size": 1024**2, "keep": 3})
    assert web["stop"] == [{"signal": "QUIT", "to": "tree"}, "30s", "KILL"]
    assert many["command"] == ["work", "--port={8000+index0}"]
    assert (many["replicas"], many["project"]) == (3, "shop")
    assert set(made["workers"]) == {"web", "many"}
    told = "\n".join(notes)
    for part in ("web: priority = 10: ", "web: stdout_logfile = /var/log/web.log: ", "mem: written as a comment: "):
        assert part in told


def test_supervisord_s_numbers_that_no_replica_can_have_give_a_worker_each(tmp_path: Path) -> None:
    text = "[program:x]\ncommand=run w_%(process_num)02d\nprocess_name=x%(process_num)s\nnumprocs=2\nnumprocs_start=9\n"
    made, _ = moved(tmp_path, "s.conf", text)
    assert [each["command"] for each in made["workers"].values()] == [["run", "w_09"], ["run", "w_10"]]


def test_supervisord_s_includes_are_read_and_a_later_file_wins(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.ini").write_text("[program:x]\ncommand=%(here)s/run\n[include]\nfiles=never.ini\n")
    (tmp_path / "d/b.ini").write_text("[program:x]\nstartretries=1\npriority=2\n")
    made, notes = moved(tmp_path, "s.conf", "[supervisord]\n[include]\nfiles = d/*.ini gone/*.ini\n")
    assert made["workers"]["x"] == {"command": [f"{tmp_path}/d/run"], "max_restarts": 1}
    assert any("gone/*.ini" in note for note in notes)


def test_a_comment_that_cuts_a_command_is_told(tmp_path: Path) -> None:
    made, notes = moved(tmp_path, "s.conf", '[program:x]\ncommand=sh -c "echo 1 #2"\n[program:y]\ncommand=cat\n')
    assert set(made["workers"]) == {"y"}
    assert any("which begin a comment" in note for note in notes)


# ── Procfile ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_procfile(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=7000\nSECRET=hidden\n")
    text = "# comment\nrelease: migrate\nweb: serve -p $PORT && echo x\nbad line\nworker: source a; work\n"
    made, notes = moved(tmp_path, "Procfile", text)
    assert made["defaults"]["env_file"] == ".env"
    assert made["workers"]["web"] == {"command": "serve -p $PORT && echo x", "env": {"PORT": "7100"}}
    assert made["workers"]["worker"]["command"] == ["bash", "-c", "source a; work"]
    assert len(notes) == 2
    assert "hidden" not in (tmp_path / "Procfile").read_text()


def test_a_process_that_stands_twice_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("a: x\nb: y\na: z\n")
    run = run_here(["import", "Procfile"], tmp_path, {})
    assert (run.returncode, run.stdout) == (5, "")
    assert run.stderr == "Procfile:3: the process a stands twice (first in line 1)\n"


# ── pm2 ───────────────────────────────────────────────────────────────────────────────────────────────────────────

PM2 = """{
  // comments and commas are allowed
  "apps": [
    { "name": "api", "script": "./dist/main.js", "args": ["--a", "b c"], "node_args": "--inspect", "cwd": "/srv",
      "instances": "max", "exec_mode": "cluster", "env": { "NODE_ENV": "production", "PORT": 3000, "ON": true },
      "env_staging": { "SECRET": "hidden" }, "max_memory_restart": "300M", "min_uptime": "10s", "max_restarts": 10,
      "exp_backoff_restart_delay": 100, "kill_timeout": 5000, "stop_exit_codes": [3], "watch": true,
      "namespace": "shop",
      "error_file": "/dev/null", "wait_ready": true, },
    { "script": "worker.py", "exec_mode": "fork", "instances": 2, "autorestart": false },
    { "name": "line", "script": "npm run start -- --x=$HOME" },
  ],
  "deploy": {}
}"""


def test_many_comments_after_a_comma_are_read_in_one_pass() -> None:
    assert json_of('{"a": 1, ' + "/**/" * 20_000 + '"b": [2, /* x */ // y\n]}').plain() == {"a": 1, "b": [2]}


@pytest.mark.parametrize("name", ["ecosystem.config.json", "pm2.json"])
def test_pm2(name: str, tmp_path: Path) -> None:
    made, notes = moved(tmp_path, name, PM2)
    api = made["workers"]["api"]
    assert api["command"] == ["node", "--inspect", "./dist/main.js", "--a", "b c"]
    assert api["env"] == {"NODE_ENV": "production", "PORT": "3000", "ON": "true"}
    assert (api["cwd"], api["project"], api["limits"]) == ("/srv", "shop", {"memory": 300 * 1024**2})
    assert api["backoff"] == {"initial": "100ms", "factor": 1.5, "max": "15s", "jitter": 0}
    assert api["stop"] == [{"signal": "INT", "to": "tree"}, "5s", "KILL"]
    assert api["on_exit"] == [{"codes": [3], "do": "complete"}]
    assert "replicas" not in api
    worker = made["workers"]["worker"]
    assert worker["command"] == ["python3", "worker.py"]
    assert (worker["replicas"], worker["restart"]) == (2, "never")
    assert worker["env"] == {"NODE_APP_INSTANCE": "{index0}"}
    assert made["workers"]["line"]["command"] == "npm run start -- --x=$HOME"
    told = "\n".join(notes)
    for part in ("deploy: ", "instances = max: ", "it sets SECRET.", "watch = true: ", "wait_ready = true: "):
        assert part in told
    assert "hidden" not in told


def test_an_ecosystem_in_javascript_is_told_how_to_become_json(tmp_path: Path) -> None:
    (tmp_path / "ecosystem.config.js").write_text("module.exports = { apps: [] }")
    run = run_here(["import", "ecosystem.config.js"], tmp_path, {"PATH": "/usr/bin:/bin"})
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (5, "", 1)
    assert "is a JavaScript program" in run.stderr
    assert "> ecosystem.config.json" in run.stderr


# ── process-compose ───────────────────────────────────────────────────────────────────────────────────────────────

COMPOSE = """
version: "0.5"
x-common: &common {namespace: shop}
vars: {PORT: 3000}
environment: [A=1, "B=$HOME/b"]
log_configuration: {rotation: {max_size_mb: 2, max_backups: 3}}
processes:
  db:
    <<: *common
    command: db --on 8:30 --pid $$ --port {{.PORT}}
    availability: {restart: on_failure, backoff_seconds: 2, max_restarts: 4}
    readiness_probe:
      exec: {command: "test -e x", working_dir: /tmp}
      initial_delay_seconds: 2
      period_seconds: 5
      failure_threshold: 30
    liveness_probe: {http_get: {host: localhost, port: "80{{.PC_REPLICA_NUM}}", path: up}}
    shutdown: {signal: 2, timeout_seconds: 4, command: "stop-db"}
    environment: [VERSION=1.10]
  api:
    command: |
      source env
      serve
    entrypoint:
    working_dir: ~/api
    replicas: 2
    depends_on:
      db: {condition: process_healthy}
      gone: {condition: process_started}
      job: {condition: process_completed}
    ready_log_line: "up (ok)"
    success_exit_codes: [130]
    availability: {restart: no}
  job:
    entrypoint: [run, "a b"]
    availability: {restart: exit_on_failure}
  off: {command: kcalc, disabled: true}
  secure: {command: x, readiness_probe: {http_get: {scheme: https, host: h, port: $PORT}}}
"""


def test_process_compose(tmp_path: Path) -> None:
    made, notes = moved(tmp_path, "process-compose.yaml", COMPOSE)
    defaults, db, api = made["defaults"], made["workers"]["db"], made["workers"]["api"]
    assert (defaults["restart"], defaults["env"]) == ("never", {"A": "1"})
    assert defaults["log"] == {"max_size": "2MB", "keep": 4}
    assert db["command"] == 'export B="${HOME?}"/b; db --on 8:30 --pid $ --port 3000'
    assert (db["env"], db["project"]) == ({"VERSION": "1.10"}, "shop")
    assert (db["restart"], db["max_restarts"]) == ("on-failure", 4)
    assert db["backoff"] == {"kind": "constant", "initial": "2s", "max": "2s", "jitter": 0}
    assert db["ready"] == {
        "command": "cd /tmp && test -e x",
        "interval": "5s",
        "attempt_timeout": "1s",
        "failures": 30,
        "delay": "2s",
        "timeout": "192s",
    }
    assert db["live"]["http"] == "http://localhost:800/up"
    assert db["stop"] == [{"signal": "INT", "to": "tree"}, "4s", "KILL"]
    assert api["command"].startswith('cd "${HOME?}"/api || exit; exec env B=')
    assert api["command"].endswith("/b bash -c 'source env\nserve'")
    assert (api["replicas"], api["ok_exit_codes"]) == (2, [0, 130])
    assert (api["ready"], api["depends_on"]) == ({"log": r"up \(ok\)"}, {"db": "ready", "job": "exited"})
    assert made["workers"]["job"]["command"].endswith("/b run 'a b'")
    assert made["workers"]["secure"]["ready"]["command"] == 'curl -fsS -o /dev/null https://h:"${PORT?}"/'
    assert "off" not in made["workers"] or made["workers"]["off"]["autostart"] is False
    told = "\n".join(notes)
    for part in ("db: shutdown.command = stop-db: ", "api: depends_on gone: ", "job: availability.restart"):
        assert part in told


# ── Circus ────────────────────────────────────────────────────────────────────────────────────────────────────────

CIRCUS = """
[circus]
endpoint = tcp://127.0.0.1:5555
[env]
BASE = /opt
[env:w*]
LIB = $(circus.env.base)/lib
[watcher:web]
cmd = $(circus.env.HOME)/bin/serve
args = --base $(circus.env.BASE) --id $(circus.wid) ;x
working_dir = /srv
numprocesses = 2
max_retry = 3
stop_signal = INT
graceful_timeout = 5
stop_children = True
max_age = 3600
send_hup = True
stdout_stream.max_bytes = 1048576
stdout_stream.backup_count = 2
hooks.before_start = mod.fun
[watcher:sock]
cmd = serve --fd $(circus.sockets.web)
respawn = False
[socket:web]
port = 80
"""


def test_circus(tmp_path: Path) -> None:
    made, notes = moved(tmp_path, "circus.ini", CIRCUS)
    web = made["workers"]["web"]
    assert web["command"] == "exec \"${HOME?}\"/bin/serve --base /opt --id '{index}'"
    assert (web["cwd"], web["replicas"], web["max_restarts"]) == ("/srv", 2, 3)
    assert web["env"] == {"BASE": "/opt", "LIB": "/opt/lib"}
    assert web["stop"] == [{"signal": "INT", "to": "tree"}, "5s", "KILL"]
    assert (web["limits"], web["log"]) == ({"age": "3600s"}, {"max_size": 1048576, "keep": 3})
    assert made["defaults"]["restart"] == "always"
    assert set(made["workers"]) == {"web"}
    told = "\n".join(notes)
    for part in ("[socket:web]: ", "sock: written as a comment: ", "web: send_hup", "web: hooks.before_start"):
        assert part in told


# ── tmuxp ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TMUXP = """
session_name: My shop
start_directory: ~/shop
shell_command_before: [source env/bin/activate]
environment: {PORT: 8009}
windows:
  - window_name: dev server
    start_directory: web
    focus: yes
    environment: {MODE: dev}
    panes:
      - shell_command: [cd x, {cmd: ./serve $PORT}, {cmd: later, enter: false}]
      - yes
      - blank
      -
      - shell: /usr/bin/top
  - panes: [htop]
"""


def test_tmuxp(tmp_path: Path) -> None:
    made, notes = moved(tmp_path, ".tmuxp.yaml", TMUXP)
    first = made["workers"]["dev-server-1"]
    activated = "source env/bin/activate\ncd x\n./serve $PORT"
    assert first["command"] == f"cd \"${{HOME?}}\"/shop/web || exit; exec bash -c '{activated}'"
    assert (first["env"], first["project"]) == ({"PORT": "8009", "MODE": "dev"}, "My shop")
    assert made["workers"]["dev-server-2"]["command"].endswith("\nyes'")
    assert made["workers"]["dev-server-5"]["command"].endswith("/usr/bin/top")
    assert "My-shop-2" in made["workers"]
    assert sum("an empty shell" in note for note in notes) == 2
    assert made["defaults"]["restart"] == "never"


# ── all of them ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "text", "tool"),
    [
        ("x.conf", "[program:a]\ncommand=x\n", "supervisord"),
        ("x.ini", "[watcher:a]\ncmd=x\n", "circus"),
        ("Procfile.dev", "a: b\n", "procfile"),
        ("noname", "a: b\n", "procfile"),
        ("a.yml", "apps: [{script: x.js}]\n", "pm2"),
        ("a.yaml", "processes: {a: {command: x}}\n", "process-compose"),
        ("a.json", json.dumps({"session_name": "s", "windows": []}), "tmuxp"),
    ],
)
def test_a_format_is_recognised_by_name_and_content(name: str, text: str, tool: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert recognised(tmp_path / name) == tool


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.conf", "[program:a]\ncommand=x\nnothing here\n", 3),
        ("a.conf", "command=x\n[program:a]\n", None),
        ("a.ini", "[watcher:a]\ncmd x\n", 2),
        ("a.yaml", "processes:\n  a: [\n", 3),
        ("a.yaml", "processes:\n  a: 5\n", 2),
        ("a.yaml", "processes: {a: &a {command: *a}}\n", None),
        ("a.yaml", "processes: {a: &a [*a]}\n", 1),
        ("a.json", '{"apps": [\n{"script": }]}', 2),
        ("a.json", "[" * 100_000, None),
        ("a.yaml", "services: {a: {image: x}}\n", None),
        ("a.yaml", "- 1\n", None),
        ("empty.yaml", "", None),
        ("Procfile", "nothing\n", None),
        ("a.bin", "\0\n", None),
    ],
)
def test_what_cannot_be_read_is_one_error_with_its_line(name: str, text: str, line: int | None, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    run = run_here(["import", name], tmp_path, {})
    assert (run.returncode, run.stdout, run.stderr.count("\n")) == (5, "", 1), run.stderr
    assert run.stderr.startswith(f"{name}:{line}: " if line else f"{name}")


def test_anchors_that_multiply_are_an_error(tmp_path: Path) -> None:
    lines = ["a0: &a0 {x: 1, y: 1}"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    (tmp_path / "p.yaml").write_text("\n".join([*lines, "processes: {a: {command: x}}"]))
    with pytest.raises(Unreadable, match="multiply"):
        convert(tmp_path / "p.yaml")


HOSTILE = "x\"\n[workers.evil]\ncommand = 'touch /tmp/evil'\n#\x1b[31m\u202e '''"


@pytest.mark.parametrize("tool", sorted(FORMATS))
def test_no_text_breaks_out_of_the_toml(tool: str, tmp_path: Path) -> None:
    line = HOSTILE.replace("\n", " ")
    files = {
        "supervisord": f'[program:{line}]\ncommand={line}\npriority={line}\nuser={line}\nenvironment=A="{line}"\n',
        "circus": f"[watcher:{line}]\ncmd={line}\npriority={line}\n[env:*]\n{line}={line}\nB={line}\n",
        "procfile": f"a: {line}\n# {line}\n",
        "pm2": json.dumps(
            {"apps": [{"name": HOSTILE, "script": HOSTILE, "env": {HOSTILE: HOSTILE, "A": "\ud800"}, HOSTILE: HOSTILE}]}
        ),
        "process-compose": json.dumps(
            {
                "processes": {
                    HOSTILE: {"command": HOSTILE, "description": HOSTILE, "namespace": HOSTILE, HOSTILE: HOSTILE}
                }
            }
        ),
        "tmuxp": json.dumps(
            {"session_name": HOSTILE, "windows": [{"window_name": HOSTILE, "panes": [HOSTILE], HOSTILE: HOSTILE}]}
        ),
    }
    path = tmp_path / ("f.json" if tool in ("pm2", "tmuxp") else "f")
    path.write_text(files[tool])
    found = convert(path, tool)
    made = tomllib.loads(found.text)
    assert set(made) <= {"defaults", "workers"}
    assert len(made.get("workers", {})) <= 1
    assert "evil" not in made.get("workers", {})
    assert "\x1b" not in found.text
    assert "\u202e" not in found.text


def test_what_the_model_refuses_is_left_out_and_told(tmp_path: Path) -> None:
    text = (
        "[program:a]\ncommand=x\nexitcodes=0,999\nstartretries=5\nstopwaitsecs=soon\nautorestart=maybe\n"
        "directory=~nobody/x\n"
    )
    made, notes = moved(tmp_path, "s.conf", text)
    assert made["workers"]["a"] == {"command": ["x"], "max_restarts": 5, "stop": ["TERM", "10s", "KILL"]}
    told = "\n".join(notes)
    for part in (
        "exitcodes = 0,999: left out",
        "stopwaitsecs = soon: ",
        "autorestart = maybe: ",
        "directory: left out",
    ):
        assert part in told


def test_a_circle_of_dependencies_is_left_out_and_told(tmp_path: Path) -> None:
    text = "processes:\n  a: {command: x, depends_on: {b: {}}}\n  b: {command: x, depends_on: {a: {}}}\n"
    made, notes = moved(tmp_path, "process-compose.yaml", text)
    assert set(made["workers"]) == {"a", "b"}
    assert any("left out" in note for note in notes)


def test_the_command_says_on_stderr_what_is_not_carried_over_and_prints_only_toml(tmp_path: Path) -> None:
    (tmp_path / "s.conf").write_text("[program:a]\ncommand=x\npriority=1\n")
    run = run_here(["import", "s.conf"], tmp_path, {})
    assert run.returncode == 0
    assert "workers" in tomllib.loads(run.stdout)
    assert run.stderr.splitlines()[0] == (
        "s.conf:3: a: priority = 1: nothing starts by number: say depends_on where the order matters"
    )
    assert run.stderr.splitlines()[-1].startswith("1 worker of supervisord, ")
