"""Panevisor and its peers behind one face, so that the same program is started, killed and stopped by each.

Each worker appends "name pid nanoseconds" to the file `births` when it begins, and then sleeps. So the time of a start
is read in the same way for all, also for bare tmux.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.figures import NotDone
from supervisor.state.place import living_servers

ROOT = Path(__file__).parent.parent
PEERS = Path(os.environ.get("PANEVISOR_PEERS", Path(tempfile.gettempdir()) / f"panevisor-peers-{os.getuid()}"))
PATIENCE = 180.0  # seconds after which a measured thing is said not to have happened


@dataclass(frozen=True, slots=True)
class Birth:
    """A life that began: whose, its pid, and the wall time in seconds."""

    name: str
    pid: int
    at: float


def until(true: Callable[[], bool], what: str, every: float = 0.005) -> float:
    """Wait until it is true and return the wall time at which it was; raises NotDone."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise NotDone(f"{what}: not within {PATIENCE:g} s")
        time.sleep(every)
    return time.time()


def surroundings(more: dict[str, str]) -> dict[str, str]:
    """Return the environment for what is measured: as a user has it, with compiled modules kept."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"} | more


def script_of(births: Path, program: str) -> str:
    """Return a shell script that notes the birth of the worker $1 in a file, and then is the program."""
    return f'echo "$1 $$ $(date +%s%N)" >> {births}\n{program}\n'


def births_in(file: Path) -> list[Birth]:
    """Return the births that such scripts have noted, in their order."""
    whole, _, _ = file.read_text().rpartition("\n")  # the last line may only have begun
    lines = (line.split() for line in whole.splitlines())
    return [Birth(name, int(pid), int(at) / 1e9) for name, pid, at in lines]


def latest_in(file: Path) -> dict[str, Birth]:
    """Return the last birth of each worker."""
    return {birth.name: birth for birth in births_in(file)}


class Keeper(ABC):
    """One supervisor in a directory of its own, with the workers w0, w1, … of a config that it is given."""

    name: str

    def __init__(self, place: Path, n: int, program: str, settings: str = "") -> None:
        """Write the config; `program` is a shell script that gets its worker's name as $1, and runs after the birth.

        `settings`: lines of TOML, for Panevisor alone.
        """
        self.place = place
        self.names = [f"w{number}" for number in range(n)]
        self.settings = settings
        self._births = place / "births"
        self._births.touch()
        self.script = place / "worker.sh"
        self.script.write_text(script_of(self._births, program))
        self.configure()

    @abstractmethod
    def configure(self) -> None: ...

    @abstractmethod
    def up(self) -> None: ...

    @abstractmethod
    def stop_all(self) -> None: ...

    @abstractmethod
    def down(self) -> None: ...

    @abstractmethod
    def status(self) -> str: ...

    @abstractmethod
    def processes(self) -> list[psutil.Process]:
        """Return what the supervision itself consists of: service, tmux server, daemons."""

    def births(self) -> list[Birth]:
        return births_in(self._births)

    def latest(self) -> dict[str, Birth]:
        return latest_in(self._births)

    def run(self, *argv: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            argv, cwd=cwd or self.place, env=surroundings(env or {}), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotDone(f"{' '.join(argv)}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


class Panevisor(Keeper):
    """Ours, as a user calls it: each command a new process."""

    name = "panevisor"

    def configure(self) -> None:
        head = '[supervisor]\nstate_dir = "state"\n'
        policy = '[defaults]\nmax_restarts = -1\nbackoff = { initial = "0s", max = "0s" }\n'
        tables = "".join(f'[workers.{name}]\ncommand = ["/bin/sh", "{self.script}", "{name}"]\n' for name in self.names)
        (self.place / "panevisor.toml").write_text(head + self.settings + policy + tables)

    def command(self, *arguments: str) -> str:
        return self.run(*self._argv(*arguments), env=self._environment(), cwd=ROOT)

    def serve(self) -> "subprocess.Popen[bytes]":
        """Start the service without a keeper and without a terminal."""
        return subprocess.Popen(
            self._argv("serve"), env=surroundings(self._environment()), cwd=ROOT, stderr=subprocess.DEVNULL
        )

    def _argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "supervisor", "-c", str(self.place / "panevisor.toml"), *arguments]

    def _environment(self) -> dict[str, str]:
        return {"XDG_STATE_HOME": str(self.place / "xdg"), "PYTHONPATH": str(ROOT)}

    @property
    def socket(self) -> Path:
        return self.place / "state" / "panevisor.sock"

    def up(self) -> None:
        self.command("up", "--timeout", "170s")

    def stop_all(self) -> None:
        self.command("stop", "--all")

    def down(self) -> None:
        self.command("down")

    def status(self) -> str:
        return self.command("status")

    def processes(self) -> list[psutil.Process]:
        service = int((self.place / "state" / "lock").read_text().split()[0])
        return [psutil.Process(pid) for pid in (service, *living_servers(self.place / "state").values())]


class Supervisord(Keeper):
    """supervisord 4 from PyPI, in a venv of its own: its package has the name of ours."""

    name = "supervisord"

    def configure(self) -> None:
        sock = self.place / "s.sock"
        text = (
            f"[unix_http_server]\nfile={sock}\n[supervisord]\nlogfile={self.place}/log\n"
            f"pidfile={self.place}/pid\nchildlogdir={self.place}\n"
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
            f"[supervisorctl]\nserverurl=unix://{sock}\n"
        )
        for name in self.names:
            text += f"[program:{name}]\ncommand=/bin/sh {self.script} {name}\nstartsecs=0\nautorestart=true\n"
        (self.place / "s.conf").write_text(text)

    def _tool(self, tool: str, *arguments: str) -> str:
        return self.run(str(PEERS / "supervisord" / "bin" / tool), "-c", str(self.place / "s.conf"), *arguments)

    def up(self) -> None:
        self._tool("supervisord")

    def stop_all(self) -> None:
        self._tool("supervisorctl", "stop", "all")

    def down(self) -> None:
        pid = int((self.place / "pid").read_text())
        self._tool("supervisorctl", "shutdown")
        until(lambda: not psutil.pid_exists(pid), "supervisord has ended")

    def status(self) -> str:
        return self._tool("supervisorctl", "status")

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(int((self.place / "pid").read_text()))]


class Circus(Keeper):
    """circus 0.19 from PyPI."""

    name = "circus"

    def configure(self) -> None:
        text = (
            f"[circus]\nendpoint=ipc://{self.place}/e\npubsub_endpoint=ipc://{self.place}/p\npidfile={self.place}/pid\n"
            "check_delay=1\n"
        )
        for name in self.names:
            text += f"[watcher:{name}]\ncmd=/bin/sh {self.script} {name}\nnumprocesses=1\nmax_retry=-1\n"
        (self.place / "c.ini").write_text(text)

    def _tool(self, tool: str, *arguments: str) -> str:
        return self.run(str(PEERS / "circus" / "bin" / tool), *arguments)

    def _ask(self, *arguments: str) -> str:
        return self._tool("circusctl", "--timeout", "170", "--endpoint", f"ipc://{self.place}/e", *arguments)

    def up(self) -> None:
        self._tool("circusd", "--daemon", "--log-output", str(self.place / "log"), str(self.place / "c.ini"))

    def stop_all(self) -> None:
        self._ask("stop")

    def down(self) -> None:
        pid = int((self.place / "pid").read_text())
        self._ask("quit")
        until(lambda: not psutil.pid_exists(pid), "circusd has ended")

    def status(self) -> str:
        return self._ask("status")

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(int((self.place / "pid").read_text()))]


class Pm2(Keeper):
    """pm2 7 from npm."""

    name = "pm2"

    def configure(self) -> None:
        apps = [
            {
                "name": name,
                "script": "/bin/sh",
                "args": [str(self.script), name],
                "interpreter": "none",
                "restart_delay": 0,
                "max_restarts": 1_000_000,
                "min_uptime": 0,
            }
            for name in self.names
        ]
        (self.place / "ecosystem.config.json").write_text(json.dumps({"apps": apps}))

    def _tool(self, *arguments: str) -> str:
        environment = {"PM2_HOME": str(self.place / "pm2"), "PM2_DISCRETE_MODE": "true"}
        return self.run(str(PEERS / "pm2" / "node_modules" / ".bin" / "pm2"), *arguments, env=environment)

    def up(self) -> None:
        self._tool("start", str(self.place / "ecosystem.config.json"))

    def stop_all(self) -> None:
        self._tool("stop", "all")

    def down(self) -> None:
        self._tool("kill")

    def status(self) -> str:
        return self._tool("ls")

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(int((self.place / "pm2" / "pm2.pid").read_text()))]


KEEPERS: dict[str, type[Keeper]] = {kind.name: kind for kind in (Panevisor, Supervisord, Circus, Pm2)}


def install_peers() -> None:
    """Install the peers into a folder of the benchmark's own, once."""
    for name, package in (("supervisord", "supervisor>=4.3,<5"), ("circus", "circus>=0.19,<0.20")):
        folder = PEERS / name
        if not (folder / "done").exists():
            print(f"installing {package} …", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            pip = [str(folder / "bin" / "pip"), "install", "-q", "setuptools<81", package]
            subprocess.run(pip, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            (folder / "done").touch()
    folder = PEERS / "pm2"
    if not (folder / "done").exists():
        print("installing pm2@7 …", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "pm2@7"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (folder / "done").touch()


SLEEP = "exec sleep 86399"
WAITING = (
    "exec perl -e 'for (;;) { %s select undef, undef, undef, 1 }'"  # one process: its shell forks none each second
)
PRINTING = WAITING % '$| = 1; print ++$n, " lines\\n";'
SILENT = WAITING % ""


@contextlib.contextmanager
def kept(kind: type[Keeper], n: int, program: str = SLEEP, settings: str = "") -> Iterator[Keeper]:
    """Yield a configured keeper that has not been started, and end everything of it afterwards."""
    place = Path(tempfile.mkdtemp(prefix="pvb-", dir="/tmp"))
    keeper = kind(place, n, program, settings)
    try:
        yield keeper
    finally:
        with contextlib.suppress(NotDone, OSError, ValueError, psutil.Error):
            keeper.down()
        _end_what_is_left(keeper)
        shutil.rmtree(place, ignore_errors=True)


def _end_what_is_left(keeper: Keeper) -> None:
    """Kill what a keeper has left of its workers: the processes whose pid and time of birth are on record."""
    for birth in keeper.births():
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(birth.pid)
            if abs(process.create_time() - birth.at) < 5:
                process.send_signal(signal.SIGKILL)


def started(keeper: Keeper) -> float:
    """Start it and return the seconds until the last of its workers has begun."""
    return begun(keeper)[1]


def begun(keeper: Keeper) -> tuple[float, float]:
    """Start it and return the seconds until the first and the last of its workers have begun."""
    began = time.time()
    keeper.up()
    until(lambda: len(keeper.latest()) == len(keeper.names), f"{keeper.name}: all workers have begun", every=0.02)
    times = [birth.at - began for birth in keeper.births()]
    return min(times), max(times)


def gone(keeper: Keeper) -> bool:
    """Whether no process of the last lives exists any more."""
    return not any(psutil.pid_exists(birth.pid) for birth in keeper.latest().values())
