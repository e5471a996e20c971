"""What people write who come from another tool or from a shell, and what it is here. Pure."""

import re

OF_OTHER_TOOLS = {
    "autorestart": "restart",
    "cmd": "command",
    "directory": "cwd",
    "env_file_path": "env_file",
    "environment": "env",
    "exec": "command",
    "exitcodes": "ok_exit_codes",
    "gid": "group",
    "instances": "replicas",
    "numprocs": "replicas",
    "script": "command",
    "startretries": "max_restarts",
    "startsecs": "healthy_after, or ready = { delay = … }",
    "stdout_logfile": "no key: `panevisor logs` has the output (its size is log.max_size)",
    "stopsignal": 'stop, like ["INT", "10s", "KILL"]',
    "stopwaitsecs": 'stop, like ["TERM", "30s", "KILL"]',
    "uid": "user",
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
    """Return what only a shell would replace at the beginning of this path."""
    found = re.match(r"~|\$\{?\w+\}?", path)
    return found[0] if found else None


def several_words(program: str) -> bool:
    """Whether this first item of a command looks like a whole command line; a path may have blanks in it."""
    return re.search(r"^[^/\s]+\s+\S|\S\s+-", program) is not None


def proposed(name: str) -> str:
    """Return a name for a worker that is near to this one: feature-x for feature/x; "" where there is none."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:64]
