"""Facts of the events whose sentence depends on more than one of them, for docs/events.md and the tests."""

from collections.abc import Mapping

from actors.events.sentences import Facts

_CRASH = {"to": "backoff", "attempt": 2, "delay_s": 2.0}

EXAMPLES: Mapping[str, Facts] = {
    "worker.pending": {"cause": "person"},
    "worker.starting": {"cause": "backoff-over", "attempt": 2},
    "worker.ready": {"startup_s": 1.2},
    "worker.unready": {"reason": "not ready within 1m", **_CRASH},
    "worker.no_secrets": {"reason": "env_command exited with code 2", **_CRASH},
    "worker.unhealthy": {"reason": "connection refused", "kind": "tcp", "uptime_s": 303.0, **_CRASH},
    "worker.healthy": {"kind": "tcp"},
    "worker.exited": {"exit_code": 3, "uptime_s": 12.0, **_CRASH},
    "worker.in_background": {"pid": 4712, "left": ["nginx (pid 4712)"]},
    "worker.signalled": {"signal": "HUP", "to": "main"},
    "worker.stopping": {"goal": "stop"},
    "worker.stopped": {"cause": "person", "from": "stopping"},
    "worker.completed": {"cause": "person"},
    "worker.failed": {"cause": "cannot-start", "reason": "cwd does not exist or is no folder: /srv/web"},
    "worker.adopted": {"pid": 4711},
    "worker.quarantined": {"reason": "its pane has the mark of another life"},
    "worker.removed": {},
    "worker.stalled": {"by": "output", "silent_s": 303.0},
    "worker.stall_step": {"do": "interrupt", "step": 2, "steps": 3},
    "worker.unstalled": {"stalled_s": 63.0},
    "worker.limit": {"which": "memory", "value": 612_000_000, "limit": 500_000_000, "do": "notify"},
    "worker.attention": {"attention": "waiting", "was": "working", "by": "report", "text": "may I run `make`?"},
    "worker.log_gap": {
        "why": "deleted",
        "file": "web.1a2b-1-0.000002",
        "gap_s": 10.2,
        "lost_bytes": 812_000,
    },
    "worker.rule": {"rule": "oom", "text": "out of memory", "do": ["restart"], **_CRASH},
    "worker.answered": {"rule": "proceed", "text": "Do you want to proceed?", "prompt": "claude-question"},
    "worker.held": {"rule": "limit", "hold_s": 12_303.0, "then": "restart"},
    "worker.released": {"rule": "limit", "cause": "time", "held_s": 12_303.0, "do": "restart"},
    "worker.input_held": {"why": "typing"},
    "worker.respawned_by_hand": {"pid": 4712, "old_pid": 4711},
    "worker.hurried": {"step": "KILL"},
    "worker.escaped": {"worker": "web", "pids": [4713]},
    "tmux.unreachable": {"reason": "no answer within 5s"},
    "tmux.died": {"pid": 4000, "workers": 12},
    "service.started": {"pid": 3999, "previous_ended": "cleanly"},
    "service.restarted": {"exit_code": 70},
    "service.stopping": {"cause": "down", "workers": "stopped"},
    "config.applied": {"create": 1, "replace": 2},
    "order.given": {"by": "phone", "do": "restart", "names": ["web"]},
    "actor.failed": {"worker": "web", "error": "ValueError: …"},
}
