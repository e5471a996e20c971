"""The values that a config file gives: `[supervisor]`, `[notify.NAME]`, and keys of a worker beside its spec.

Like `actors.values.spec`, these classes are the only description of their keys.
"""

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from actors.frozen import frozen
from actors.values.gates import MAX_STARTING
from actors.values.keys import Between, Bytes, Command, Elsewhere, Form, Seconds, Text, Unwritten
from actors.values.spec import MOST, Attaching, Family, PaneSize, Ready, Restart, WorkerSpec


@frozen(kw_only=True)
class ServiceLogSettings:
    """The log of the service itself."""

    file: Annotated[Path, Form.PATH, Unwritten(None, "service.log in the state directory")]
    """Where it is written."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe lines that are written. Changes of a worker's state are always written."""
    format: Literal["json", "console"] = "json"
    """One JSON object a line, or lines for people."""
    max_size: Annotated[int, Bytes("4kB")] = 20_000_000
    """The size at which a new file is begun."""
    keep: Annotated[int, Between(1, 1000)] = 5
    """How many files there are, with the one being written."""


@frozen(kw_only=True)
class SupervisorSettings:
    """The service itself. All of it but `pane` counts from the next start of the service."""

    state_dir: Annotated[
        Path, Form.PATH, Unwritten(None, "`~/.local/state/panevisor/<stem>-<8 hex digits of the file's path>`")
    ]
    """Where records, logs and sockets lie."""
    capture_interval: Annotated[float, Seconds("100ms")] = 5.0
    """How often panes are looked at."""
    health_interval: Annotated[float, Seconds("100ms")] = 10.0
    """How often processes are looked at."""
    heartbeat_interval: Annotated[float, Seconds("1s")] = 30.0
    """How often `status.json` is written."""
    max_workers: Annotated[int, Between(1, 4000)] = 1000
    """How many workers may live at a time; the others are pending."""
    pane: PaneSize = dataclasses.field(default_factory=PaneSize)
    """The size of each worker's pane."""
    attach: Attaching = dataclasses.field(default_factory=Attaching)
    """What `panevisor attach` offers."""
    log: Annotated[ServiceLogSettings, Unwritten({}, "")]
    """The log of the service."""
    all_logs: Annotated[int | None, Bytes("1MB"), Unwritten(None, "no limit")] = None
    """How much the logs of all workers may take; the oldest segments of the largest go first."""
    gzip_logs: bool = False
    """Whether the closed segments of all logs are gzipped, a minute after their last line."""
    watch_config: bool = False
    """Whether a change of the file or of an env file is applied by itself, 0.5 s after the last write."""
    on_term: Literal["keep", "stop"] = "keep"
    """What SIGTERM does with the workers: leave them running, or stop them. As pid 1 it is always `stop`."""
    min_free_memory: Annotated[int, Form.MEMORY] = 0
    """With less available memory no pending worker starts."""
    prompts: Annotated[Path | None, Form.PATH, Unwritten(None, "none")] = None
    """A file of further prompts that `attention` knows on a screen, in the form of supervisor/prompts.toml."""
    max_starting: Annotated[int, Between(0, 4000)] = MAX_STARTING
    """How many workers may be `starting` at a time; 0: no limit."""


class Occasion(StrEnum):
    """What people can be told of."""

    FAILED = "failed"
    CRASH_LOOP = "crash-loop"
    WAITING = "waiting"
    UNHEALTHY = "unhealthy"
    RULE = "rule"
    TMUX_DIED = "tmux-died"
    DEGRADED = "degraded"


@frozen(kw_only=True)
class Receiver:
    """Somebody who is told when a worker, or the service, needs a person; see [notify.md](notify.md)."""

    name: Annotated[str, Elsewhere()]
    urls: Annotated[tuple[str, ...], Form.SECRETS] = ()
    """Where Apprise sends the message: Slack, ntfy, mail and others; needs the extra `notify`."""
    command: Command = ()
    """What is run instead, with the message as JSON on stdin."""
    on: tuple[Occasion, ...] = (
        Occasion.FAILED,
        Occasion.CRASH_LOOP,
        Occasion.WAITING,
        Occasion.RULE,
        Occasion.TMUX_DIED,
    )
    """What is told."""
    projects: tuple[Text, ...] = ()
    """Only workers of these projects; without any, all workers and the service."""
    labels: tuple[tuple[Annotated[str, Form.LABEL], Text], ...] = ()
    """Only workers with all of these labels."""
    settle: Annotated[float, Seconds()] = 10.0
    """How long an incident has to last before it is told, and be gone before its end is. After a start of the service
    nothing is told for three times as long."""
    repeat: Annotated[float | None, Seconds("1m", never=True)] = None
    """After which time an incident that lasts is told again."""
    batch: Annotated[float, Seconds()] = 5.0
    """How long more is gathered into one message."""
    quiet: Annotated[tuple[int, int] | None, Form.HOURS] = None
    """Hours of the day in which nothing is told; what lasts until their end is told then."""
    unless_attached: bool = False
    """Whether a worker that somebody is attached to is left out."""


@frozen(kw_only=True)
class WebSettings:
    """The page and the HTTP API, kept by the service as the worker `panevisor-web`; see [web.md](web.md)."""

    enabled: bool = False
    """Whether it runs with the service."""
    host: Text = "127.0.0.1"
    """The address it listens at; beyond loopback it needs a certificate, or a proxy."""
    port: Annotated[int, Between(1, 65_535)] = 7263
    """The port."""
    unix: Annotated[Path | None, Form.PATH, Unwritten(None, "none")] = None
    """A Unix socket to listen at instead."""
    names: tuple[Text, ...] = ()
    """Further names that browsers know it by: `HOST` or `HOST:PORT`."""
    proxy: bool = False
    """Whether a proxy with TLS stands before it."""
    cert: Annotated[Path | None, Form.PATH, Unwritten(None, "none")] = None
    """Its certificate (PEM)."""
    key: Annotated[Path | None, Form.PATH, Unwritten(None, "none")] = None
    """The key of the certificate (PEM)."""

    def words(self) -> Iterator[str]:
        """Yield the command line that is meant, from its verb on."""
        yield "web"
        yield from ("--unix", str(self.unix)) if self.unix else ("--host", self.host, "--port", str(self.port))
        for name in self.names:
            yield from ("--name", name)
        if self.proxy:
            yield "--i-have-a-proxy"
        for option, path in (("--cert", self.cert), ("--key", self.key)):
            yield from (option, str(path)) if path else ()


@frozen(kw_only=True)
class MetricsSettings:
    """Metrics in a file for node_exporter, by the worker `panevisor-metrics`; see [metrics.md](metrics.md)."""

    enabled: bool = False
    """Whether it runs with the service."""
    write: Annotated[Path | None, Form.PATH, Unwritten(None, "none")] = None
    """The file: NAME.prom in the folder of the textfile collector."""
    every: Annotated[float, Seconds("1s")] = 15.0
    """How often it is written."""

    def words(self) -> Iterator[str]:
        """Yield the command line that is meant, from its verb on."""
        yield from ("metrics", "--write", str(self.write), "--every", f"{self.every:g}s")


SURFACES: Mapping[str, type[WebSettings] | type[MetricsSettings]] = {"web": WebSettings, "metrics": MetricsSettings}
"""By table: what can be kept beside the workers, each a process of its own."""


def surface(table: str, settings: WebSettings | MetricsSettings, config: Path, pane: PaneSize) -> WorkerSpec:
    """Return the worker that a surface is kept as. It finds the service by its config, wherever that lives."""
    program = (sys.executable, "-P", "-m", "supervisor", "-c", str(config))  # -P: the folder decides no import
    return WorkerSpec(
        name=f"panevisor-{table}",
        command=(*program, *settings.words()),
        cwd=str(config.parent),
        project="panevisor",
        restart=Restart.ALWAYS,
        retry=60.0,
        ready=Ready(log="^panevisor web: ") if table == "web" else Ready(),
        stop=("TERM", 5.0, "KILL"),
        pane=pane,
    )


@frozen(kw_only=True)
class OfFile:
    """Keys of a worker that only a file can have: what they give becomes part of its spec, or makes several specs."""

    env_file: Annotated[tuple[str, ...], Form.ENV_FILES] = ()
    """Files of NAME=value lines; a later one wins over an earlier one, and `env` over all."""
    replicas: Annotated[int | None, Between(0, MOST), Unwritten(None, "`1`")] = None
    """How many workers the table gives: NAME-1 to NAME-N; 1 is NAME itself."""


@frozen(kw_only=True)
class Config:
    """A valid file: `path` is absolute, `workers` stand as in the file, with the replicas of each of the `families`.

    `digest` is 12 hex digits over its bytes and those of its env files; without any, of its SHA-256. `next_start` is
    for a running service to set: the keys of `[supervisor]` that it can't take from the file.
    """

    path: Path
    digest: str
    supervisor: SupervisorSettings
    workers: tuple[WorkerSpec, ...]
    families: tuple[Family, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    next_start: tuple[str, ...] = ()


def different_settings(begun: SupervisorSettings, now: SupervisorSettings) -> tuple[str, ...]:
    """Return the keys of `[supervisor]` in which these differ; `pane` is no such key, as it counts with each worker."""
    old, new = _beside_its_log(begun), _beside_its_log(now)
    keys = [field.name for field in dataclasses.fields(SupervisorSettings) if field.name != "pane"]
    return tuple(key for key in keys if getattr(old, key) != getattr(new, key))


def _beside_its_log(settings: SupervisorSettings) -> SupervisorSettings:
    """Return the settings with `log.file` relative to the state directory, where it is in it: it follows that."""
    file = settings.log.file
    relative = file.relative_to(settings.state_dir) if file.is_relative_to(settings.state_dir) else file
    return dataclasses.replace(settings, log=dataclasses.replace(settings.log, file=relative))
