"""What people write who come from another tool or from a shell, and what it is here. Pure."""

import re

from supervisor.text.words import shown

OF_OTHER_TOOLS = {
    "after": "depends_on",
    "args": 'part of command, like ["program", "argument"]',
    "autorestart": "restart",
    "cmd": "command",
    "cron_restart": "no key: cron or a timer can run `panevisor restart NAME`",
    "directory": "cwd",
    "entrypoint": "command",
    "env_file_path": "env_file",
    "environment": "env",
    "environmentfile": "env_file",
    "exec": "command",
    "exec_mode": "no key: replicas = N starts N processes",
    "execstart": "command",
    "exitcodes": "ok_exit_codes",
    "gid": "group",
    "healthcheck": "live, or ready",
    "image": 'command, like "docker run --rm NAME"',
    "instances": "replicas",
    "interpreter": "the first word of command",
    "kill_timeout": 'stop, like ["TERM", "30s", "KILL"]',
    "killsignal": 'stop, like ["INT", "10s", "KILL"]',
    "max_memory_restart": "limits.memory",
    "memorymax": "limits.memory",
    "min_uptime": "healthy_after",
    "numprocesses": "replicas",
    "numprocs": "replicas",
    "ports": "no key: a worker has the network of this machine",
    "priority": "depends_on",
    "redirect_stderr": "no key: both go to the terminal, and so to the log",
    "requires": "depends_on",
    "restart_delay": "backoff",
    "restartsec": "backoff",
    "script": "command",
    "startretries": "max_restarts",
    "startsecs": "healthy_after, or ready = { delay = … }",
    "stderr_logfile": "no key: `panevisor logs` has the output (its size is log.max_size)",
    "stdout_logfile": "no key: `panevisor logs` has the output (its size is log.max_size)",
    "stopasgroup": 'stop, like [{ signal = "TERM", to = "tree" }, "10s", "KILL"]',
    "stopsignal": 'stop, like ["INT", "10s", "KILL"]',
    "stopwaitsecs": 'stop, like ["TERM", "30s", "KILL"]',
    "uid": "user",
    "timeoutstopsec": 'stop, like ["TERM", "30s", "KILL"]',
    "volumes": "no key: a worker sees the files of this machine",
    "watch": "no key: a tool like watchexec in command starts it again when files change",
    "working_dir": "cwd",
    "working_directory": "cwd",
    "workingdirectory": "cwd",
}
"""Keys of supervisord, systemd, pm2, circus and compose files, and ours."""
_SOURCE = re.compile(r"(?:^|[;&|({]|\bthen\b|\bdo\b)\s*source\s+(\S+)")


def sourced(command: str) -> str | None:
    """Return the file that a text command reads by `source`, which not every /bin/sh knows."""
    found = _SOURCE.search(command)
    return found[1] if found else None


def of_a_shell(path: str) -> str | None:
    """Return the verdict on a path at whose beginning a shell would replace something; None: it is right."""
    found = re.match(r"~|\$\{?\w+\}?", path)
    what = "which only a shell knows (write the path in full)"
    return f"must not begin with {shown(found[0])}, {what}" if found else None


def several_words(program: str) -> bool:
    """Whether this first item of a command looks like a whole command line; a path may have blanks in it."""
    return re.search(r"^[^/\s]+\s+\S|\S\s+-", program) is not None


def proposed(name: str) -> str:
    """Return a name for a worker that is near to this one: feature-x for feature/x; "" where there is none."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:64]
