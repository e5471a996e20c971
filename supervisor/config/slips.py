"""What people write who come from another tool or from a shell, and what it is here. Pure."""

import re

from actors.values.spec import NAME_PATTERN
from supervisor.text.words import shown

OF_OTHER_TOOLS = {
    "after": "depends_on",
    "args": 'part of command, like ["program", "argument"]',
    "autorestart": "restart",
    "availability": "restart, backoff and max_restarts",
    "cmd": "command",
    "concurrency": "replicas",
    "container_name": "the name of the table",
    "copy_env": "no key: a worker has the environment of who starts the service",
    "cron_restart": "no key: cron or a timer can run `panevisor restart NAME`",
    "depends": "depends_on",
    "deploy": "replicas and limits",
    "description": "labels",
    "directory": "cwd",
    "disabled": "autostart = false",
    "enabled": "autostart",
    "entrypoint": "command",
    "env_file_path": "env_file",
    "envfrom": "env_file",
    "environment": "env",
    "environmentfile": "env_file",
    "error_file": "no key: `panevisor logs` has the output (its size is log.max_size)",
    "exec": "command",
    "exec_mode": "no key: replicas = N starts N processes",
    "execreload": "no key: `panevisor signal NAME HUP`",
    "execstart": "command",
    "execstop": 'stop, like ["INT", "10s", "KILL"]',
    "exitcodes": "ok_exit_codes",
    "exp_backoff_restart_delay": "backoff",
    "gid": "group",
    "graceful_timeout": 'stop, like ["TERM", "30s", "KILL"]',
    "healthcheck": "live, or ready",
    "ignore_watch": "no key: nothing is watched",
    "image": 'command, like "docker run --rm NAME"',
    "instances": "replicas",
    "interpreter": "the first word of command",
    "is_daemon": 'background = "allow"',
    "is_tty": "no key: every worker has a terminal",
    "kill_timeout": 'stop, like ["TERM", "30s", "KILL"]',
    "killasgroup": "no key: KILL always goes to the whole tree",
    "killmode": 'stop, like [{ signal = "TERM", to = "tree" }, "10s", "KILL"]',
    "killsignal": 'stop, like ["INT", "10s", "KILL"]',
    "limitnofile": "rlimits",
    "listen_timeout": "ready = { timeout = … }",
    "liveness_probe": "live",
    "livenessprobe": "live",
    "log_file": "no key: `panevisor logs` has the output (its size is log.max_size)",
    "log_location": "no key: `panevisor logs` has the output",
    "logfile": "no key: `panevisor logs` has the output (its size is log.max_size)",
    "max_age": "limits.age",
    "max_memory_restart": "limits.memory",
    "max_retries": "max_restarts",
    "max_retry": "max_restarts",
    "mem_limit": "limits.memory",
    "memory": "limits.memory",
    "memorylimit": "limits.memory",
    "memorymax": "limits.memory",
    "min_uptime": "healthy_after",
    "name": "the name of the table, [workers.NAME]",
    "namespace": "project",
    "node_args": 'part of command, like ["node", "--inspect", "app.js"]',
    "nofile": "rlimits",
    "numprocesses": "replicas",
    "numprocs": "replicas",
    "out_file": "no key: `panevisor logs` has the output (its size is log.max_size)",
    "pid_file": "no key: the service knows its processes",
    "pidfile": "no key: the service knows its processes",
    "port": 'env, like { PORT = "8080" }',
    "ports": "no key: a worker has the network of this machine",
    "priority": "depends_on",
    "process_name": "the name of the table",
    "profiles": "labels",
    "program": "command",
    "readiness_probe": "ready",
    "readinessprobe": "ready",
    "ready_log_line": "ready = { log = … }",
    "redirect_stderr": "no key: both go to the terminal, and so to the log",
    "requires": "depends_on",
    "resources": "limits",
    "respawn": "restart",
    "restart_delay": "backoff",
    "restart_policy": "restart, backoff and max_restarts",
    "restartpolicy": "restart",
    "restartpreventexitstatus": "on_exit",
    "restartsec": "backoff",
    "retries": "max_restarts",
    "run": "command",
    "scale": "replicas",
    "script": "command",
    "serverurl": "no key: who needs it has a socket, docs/wire.md",
    "shell": "the form of command: a text is read by /bin/sh",
    "shell_command": "command",
    "shutdown": 'stop, like ["TERM", "30s", "KILL"]',
    "singleton": "no key: replicas is 1 by default",
    "start_directory": "cwd",
    "startlimitburst": "max_restarts",
    "startlimitintervalsec": "max_restarts_in",
    "startretries": "max_restarts",
    "startsecs": "healthy_after, or ready = { delay = … }",
    "startupprobe": "ready",
    "stderr_logfile": "no key: `panevisor logs` has the output (its size is log.max_size)",
    "stdin_open": "no key: every worker has a terminal",
    "stdout_logfile": "no key: `panevisor logs` has the output (its size is log.max_size)",
    "stop_children": 'stop, like [{ signal = "TERM", to = "tree" }, "10s", "KILL"]',
    "stop_grace_period": 'stop, like ["TERM", "30s", "KILL"]',
    "stop_signal": 'stop, like ["INT", "10s", "KILL"]',
    "stopasgroup": 'stop, like [{ signal = "TERM", to = "tree" }, "10s", "KILL"]',
    "stopsignal": 'stop, like ["INT", "10s", "KILL"]',
    "stopwaitsecs": 'stop, like ["TERM", "30s", "KILL"]',
    "successexitstatus": "ok_exit_codes",
    "terminationgraceperiodseconds": 'stop, like ["TERM", "30s", "KILL"]',
    "timeoutstartsec": "ready = { timeout = … }",
    "timeoutstopsec": 'stop, like ["TERM", "30s", "KILL"]',
    "tty": "no key: every worker has a terminal",
    "type": 'no key, or background = "allow" for what forks',
    "uid": "user",
    "ulimits": "rlimits",
    "volumes": "no key: a worker sees the files of this machine",
    "wait_ready": "ready",
    "wantedby": "no key: all workers start with the service",
    "wants": "depends_on",
    "watch": "no key: a tool like watchexec in command starts it again when files change",
    "working_dir": "cwd",
    "working_directory": "cwd",
    "workingdirectory": "cwd",
}
"""Keys of supervisord, systemd, pm2, circus, compose, process-compose and Kubernetes files, and ours."""
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


def name_fault(name: str) -> str | None:
    """Return why this can be no name of a worker; None where it can."""
    if not re.fullmatch(NAME_PATTERN, name):
        near = f"; write {shown(better)}" if (better := proposed(name)) else ""
        return f"is not a valid name for a worker (1 to 64 letters, digits, _ and -{near})"
    if name.startswith("_panevisor"):
        return "names that begin with _panevisor are kept for the service itself (choose another)"
    return None
