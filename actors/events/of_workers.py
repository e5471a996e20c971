"""The events about workers."""

from collections.abc import Mapping

from actors.events import sentences as say
from actors.events.kinds import (
    ERROR,
    INFO,
    WARNING,
    Event,
    by_outcome,
    of_exited,
    of_failed,
    of_held,
    of_limit,
    of_pending,
)

WORKER: Mapping[str, Event] = {
    "worker.pending": Event(
        of_pending,
        "it wants to start; cause: defined, run, person, replaced, rebooted, tmux-died, tmux-unreachable (tmux "
        "refused the start or did not answer: tried again after 0, 1, 2, 4 … 30 s), no-process (the kernel gave tmux "
        "no process: tried again likewise, after at least 1 s), start-lost",
        moves="… → pending",
        fields="forced",
        said=say.pending,
    ),
    "worker.starting": Event(
        INFO,
        "a start was ordered; cause: admitted, backoff-over, restart, person",
        moves="… → starting",
        fields="attempt",
        said=say.starting,
    ),
    "worker.ready": Event(
        INFO, "its readiness is reached", moves="starting → running", fields="startup_s", said=say.ready
    ),
    "worker.resumed": Event(
        INFO,
        "a life begins by `resume.command`, to take up the session of the one before",
        said="it takes up its session",
    ),
    "worker.resume_failed": Event(
        WARNING,
        "a life that had taken up a session died within `healthy_after`: the next one begins by `command`, and that "
        "session is not taken up again",
        fields="uptime_s",
        said="it died {uptime_s} after it had taken up its session: its next life begins by its own command",
    ),
    "worker.unready": Event(
        by_outcome,
        "not ready within `ready.timeout`; it is ended",
        moves="starting → backoff, failed",
        fields="delay_s attempt",
        said=say.unready,
    ),
    "worker.no_secrets": Event(
        by_outcome,
        "its secret files or its env_command gave nothing usable: it was not started, which counts as a crash",
        moves="starting → backoff, failed",
        fields="delay_s attempt",
        said=say.no_secrets,
    ),
    "worker.secrets_open": Event(
        WARNING,
        "everybody on this machine may read or write these secret files; told once for each",
        fields="files",
        said="everybody may read its secret files: {files}",
    ),
    "worker.unhealthy": Event(
        by_outcome,
        "its liveness probe failed `live.failures` times in a row; it is ended. Without `from`/`to` where "
        "`live.do` is notify",
        moves="running → backoff, failed",
        fields="kind failures uptime_s delay_s attempt",
        said=say.unhealthy,
    ),
    "worker.healthy": Event(INFO, "its liveness probe succeeds again", fields="kind", said=say.healthy),
    "worker.exited": Event(
        of_exited,
        "its process ended. Without `from`/`to` while it is being stopped, and where that went on without a "
        "service; cause: exit, background (the program went on in the background), exit-unwatched (adopted as dead), "
        "or what was asked; left: the processes that it left, which are ended; unready: it never listened, as its "
        "readiness demands; program: what ended well at once, though it is to live on",
        moves="running, starting → backoff, completed, failed, pending",
        fields="exit_code exit_signal uptime_s delay_s attempt left unready program",
        said=say.exited,
    ),
    "worker.in_background": Event(
        INFO,
        "its main process has ended well and left these processes, which are the worker from here on "
        '(background = "allow"); pid: the eldest of them',
        fields="pid left",
        said=say.in_background,
    ),
    "worker.signalled": Event(
        INFO,
        "a person sent it this signal; to: main (its main process) or tree",
        fields="signal to",
        said=say.signalled,
    ),
    "worker.hurried": Event(
        INFO,
        "a person was in a hurry, and its stop plan went on with this step at once",
        fields="step",
        said=say.hurried,
    ),
    "worker.stopping": Event(
        INFO,
        "it was told to end; goal: stop, restart, complete, remove, replace, down; cause: adopted where a service "
        "that begins goes on with it",
        moves="… → stopping",
        fields="goal",
        said=say.stopping,
    ),
    "worker.stopped": Event(
        INFO,
        "nothing is left of it; forced: SIGKILL was needed; cause defined: by `autostart = false` it has never started",
        moves="… → stopped",
        fields="forced",
        said=say.stopped,
    ),
    "worker.completed": Event(
        INFO,
        "a person completed it (an exit that completes is `worker.exited`), or it was completed before this "
        "service began",
        moves="… → completed",
        fields="forced",
        said=say.completed,
    ),
    "worker.failed": Event(
        of_failed,
        "it cannot be started (cannot-start), or had failed before this service began (adopted)",
        moves="… → failed",
        said=say.failed,
    ),
    "worker.adopted": Event(
        INFO, "it lived when the service began", moves="null → running, starting", fields="pid", said=say.adopted
    ),
    "worker.quarantined": Event(
        ERROR,
        "what lives there cannot be proved to be this worker: a person decides",
        moves="… → quarantined",
        said=say.quarantined,
    ),
    "worker.removed": Event(INFO, "it is forgotten", moves="… → removed", fields="forced", said=say.removed),
    "worker.stalled": Event(
        WARNING,
        "it runs, and gave no sign of life for `stall.after`; by: output, screen",
        fields="by silent_s",
        said=say.stalled,
    ),
    "worker.stall_step": Event(
        by_outcome,
        "a step of its ladder is done; do: notify, send, interrupt, restart (it is ended, as after a crash). What "
        "is typed is not told",
        moves="with do = restart: running → backoff, failed",
        fields="do step steps delay_s attempt",
        said=say.stall_step,
    ),
    "worker.unstalled": Event(
        INFO, "it gave a sign of life again, or stalls are not watched any more", fields="stalled_s", said=say.unstalled
    ),
    "worker.limit": Event(
        of_limit,
        "its process tree is above a limit; once, until it is within it again. which: memory, cpu, processes, "
        "age. With do = restart it is ended, as after a crash; for its age it is stopped and started (worker.stopping, "
        "cause: age)",
        moves="with do = restart, except for age: running, starting → backoff, failed",
        fields="which value limit do delay_s attempt",
        said=say.limit,
    ),
    "worker.attention": Event(
        INFO,
        "it begins or ceases to wait for a person, or reports what it is at; attention: working, idle, waiting, or "
        "null when nothing is known any more; by: report, rule, terminal, screen, kernel, silence",
        fields="attention was by text",
        said=say.attention,
    ),
    "worker.rule": Event(
        by_outcome,
        "one of its rules fired; text: the line, the row of the screen or the state; left_out: what could not be done, "
        "as the life was another one, or (typing) as it may have been done before; prompt: the preset that was found; "
        "again: the service before this one was killed, and may have told it. With do = restart it is ended, as after "
        "a crash",
        moves="with do = restart: running, starting → backoff, failed",
        fields="rule on text do prompt left_out again delay_s attempt",
        said=say.ruled,
    ),
    "worker.held": Event(
        of_held,
        "one of its rules holds it until a time that it has printed; hold_s: for how long; then: continue, restart. "
        "unclear: the hold lasts `max` (and its jitter), as no time can be read in `found` (unread), or one that is "
        "further away (too-far)",
        fields="rule until hold_s then unclear found",
        said=say.held,
    ),
    "worker.released": Event(
        INFO,
        "its hold is over; cause: time, person, ended (its life has ended otherwise, or another one has begun). do: "
        "restart, start (it was in back-off), send (what is typed is not told), or null",
        fields="rule held_s do",
        said=say.released,
    ),
    "worker.answered": Event(
        INFO,
        "one of its rules has answered a prompt: the keys are typed. text: the row that asks; prompt: the preset",
        fields="rule text prompt",
        said='its rule {rule} answered "{text}"',
    ),
    "worker.rule_limited": Event(
        WARNING,
        "one of its rules would fire more often than `at_most`; once, until it may fire again",
        fields="rule limit",
        said="the rule {rule} did nothing: it has fired {limit}",
    ),
    "worker.rule_command": Event(
        WARNING,
        "a command that one of its rules runs failed, was killed after its time, or was not run because too many wait",
        fields="rule",
        said="a command of the rule {rule} failed: {reason}",
    ),
    "worker.lines_skipped": Event(
        WARNING,
        "so much of its output was not judged by its rules: it printed faster than they are judged, or the log was "
        "deleted before",
        fields="bytes",
        said="{bytes} of its output were not judged by its rules: {reason}",
    ),
    "worker.input_dropped": Event(
        WARNING,
        "this number of inputs that waited to be typed are given up; each sender was told, which a rule has none of",
        fields="inputs",
        said="{inputs} of the inputs that waited to be typed were given up: {reason}",
    ),
    "worker.log_gap": Event(
        WARNING,
        "its log goes on in a new file: output of the last `gap_s` seconds may be missing. why: deleted, truncated, "
        "replaced (the file that was being written), silent (nothing was written, though it printed), closed (the "
        "writer had ended). lost_bytes: what the file held when it "
        "was last looked at, null where it never was",
        fields="why file gap_s lost_bytes",
        said=say.log_gap,
    ),
    "worker.input_held": Event(
        INFO,
        "a text of its stop plan or ladder waits for a person; told once of each text. why: typing, draft, ours (what "
        "was typed before still stands there)",
        fields="why",
        said=say.input_held,
    ),
    "worker.respawned_by_hand": Event(
        WARNING, "someone ran respawn-pane in its pane", fields="pid old_pid", said=say.respawned
    ),
    "worker.escaped": Event(
        WARNING,
        "processes that had left the worker's tree unseen were found when it was ended, and were ended too. "
        "Without `worker`, at `down`: those whose worker is not known",
        fields="pids",
        said=say.escaped,
    ),
    "worker.unknown_pane": Event(
        WARNING,
        "a pane has our mark, but no record and no file knows the worker; it is shown under `degraded` until it "
        "is removed or taken over",
        fields="panes",
        said="a pane has our mark, but no record and no file knows its worker: {panes}",
    ),
}
