"""The events about tmux and the service."""

from collections.abc import Mapping

from actors.events import sentences as say
from actors.events.kinds import ERROR, INFO, WARNING, Event

TMUX: Mapping[str, Event] = {
    "tmux.unreachable": Event(
        ERROR,
        "it does not answer; no verdict about any worker until it does. Once an incident",
        fields="reason",
        said=say.tmux_unreachable,
        incident=True,
    ),
    "tmux.answers": Event(WARNING, "it answers again", fields="after", said="tmux answered again", incident=True),
    "tmux.died": Event(
        ERROR,
        "its process ended: one incident, no worker's budget is spent",
        fields="pid workers",
        said=say.tmux_died,
        incident=True,
    ),
    "tmux.died_unwatched": Event(
        WARNING,
        "it ended while no service ran",
        said="the tmux server had died while no service ran",
        incident=True,
    ),
    "tmux.started": Event(
        WARNING,
        "a new tmux server, after one that ended or for more workers",
        fields="pid",
        said="a new tmux server was started",
        incident=True,
    ),
    "tmux.kept": Event(
        WARNING,
        "at `down` it was left alone: people have windows of their own in it",
        fields="windows",
        said="tmux was left alone: people have windows of their own in it ({windows})",
    ),
    "tmux.not_ended": Event(ERROR, "at `down` it did not end", fields="error", said="tmux did not end: {error}"),
    "terminal.order_failed": Event(
        WARNING,
        "a pane could not be closed, or a log pipe not be opened; the next sweep repeats the order",
        fields="order error",
        said="tmux did not carry out an order ({order}), which is repeated: {error}",
    ),
}

SERVICE: Mapping[str, Event] = {
    "service.started": Event(
        INFO,
        "first line of each start, with how the last service here ended",
        fields="pid version state_dir previous_pid previous_ended previous_heartbeat",
        said=say.service_started,
        incident=True,
    ),
    "service.restarted": Event(
        WARNING,
        "the keeper of `up` has started the service again; restart: which one this is, exit_code or exit_signal: "
        "how the service before ended, pause_s: how long the keeper waited",
        fields="keeper restart exit_code exit_signal pause_s",
        said=say.service_restarted,
        incident=True,
    ),
    "service.upgraded": Event(
        INFO,
        "it has taken over from the service before, whose workers run on",
        fields="version previous_version previous_pid",
        said="the service was upgraded ({previous_version} to {version})",
        incident=True,
    ),
    "service.upgrade_failed": Event(
        ERROR,
        "the next service did not get ready, or had no picture in time; this one runs on, or again",
        fields="error",
        said="an upgrade of the service failed, and it went on as it was: {error}",
        incident=True,
    ),
    "service.keeper_ended": Event(
        WARNING,
        "the keeper has ended, the service goes on; it is not started again when it fails",
        fields="pid",
        said="the keeper (pid {pid}) has ended: the service is not started again when it fails",
    ),
    "state.table": Event(
        INFO,
        "after each start, in each new file, after lines that could not be written or were dropped; workers: "
        "{name: state}; reason: start, new-file, gap",
        fields="reason workers lost",
        said="the states of all workers were written to the log ({reason})",
    ),
    "logs.over_quota": Event(
        WARNING,
        "the logs of all workers took more than `all_logs`: the oldest segments of the largest went. workers: "
        "the bytes that went, by worker",
        fields="workers bytes",
        said="the logs of all workers took more than all_logs allows: {bytes} bytes of the oldest went",
    ),
    "log.dropped": Event(
        ERROR,
        "this number of lines found no place while the disk took none, and is missing here; `state.table` follows",
        fields="count",
        said="{count} lines of the log are missing here: the disk took none",
    ),
    "service.watchdog_tight": Event(
        WARNING,
        "systemd's WatchdogSec is less than two capture beats: a slow beat could end the service",
        fields="watchdog_s capture_interval_s",
        said="systemd's WatchdogSec ({watchdog_s}) is less than two capture beats of {capture_interval_s}",
    ),
    "service.rebooted": Event(
        WARNING,
        "the machine was booted since the records were written",
        said="the machine had been booted again",
        incident=True,
    ),
    "service.stopping": Event(
        INFO,
        "it was told to end; workers: kept, stopped",
        fields="cause workers",
        said=say.service_stopping,
        incident=True,
    ),
    "service.stopped": Event(
        INFO,
        "last line of a clean end",
        fields="cause tmux_ended",
        said="the service had ended",
        incident=True,
    ),
    "service.crashed": Event(
        ERROR,
        "it ends with an error and exit code 70; the workers live on",
        fields="error traceback",
        said="the service had crashed",
        incident=True,
    ),
    "service.thread_died": Event(
        ERROR,
        "a thread that the service cannot do without has died; `service.crashed` follows",
        fields="thread error traceback",
        said="the thread {thread} has died: {error}",
    ),
    "service.degraded": Event(
        ERROR,
        "a file cannot be written, the records were found damaged, a worker lives that is on no record, the lock "
        "was deleted, the state directory or the config file was moved, others can write to that directory, a handler "
        "hangs, file descriptors have run out; supervision goes on. Once an incident",
        fields="what reason",
        said="degraded: {what}: {reason}",
    ),
    "service.recovered": Event(WARNING, "that part is well again", fields="what", said="well again: {what}"),
    "notify.sent": Event(
        INFO,
        "a receiver of notifications has got a message about that many incidents",
        fields="receiver incidents tries",
        said="{receiver} was told of {incidents}",
    ),
    "notify.failed": Event(
        WARNING,
        "a receiver did not get a message; it is tried again up to four times",
        fields="receiver reason again_s",
        said="{receiver} could not be told ({reason}); it is tried again in {again_s} s",
    ),
    "notify.given_up": Event(
        ERROR,
        "a receiver has not got a message in five tries, or too many messages wait",
        fields="receiver reason tries title",
        said="{receiver} was not told ({title}): {reason}",
    ),
    "config.applied": Event(
        INFO,
        "a file was applied, with the number of workers of each kind; next_start: the keys of `[supervisor]` that "
        "count from the next start only, where there are any",
        fields="digest create start replace policy stop none next_start",
        said=say.config_applied,
        incident=True,
    ),
    "workers.scaled": Event(
        INFO,
        "a person ordered another number of replicas",
        fields="family replicas before",
        said="a person scaled {family} from {before} to {replicas}",
    ),
    "config.error": Event(
        ERROR,
        "the file cannot be applied; nothing changed",
        fields="error",
        said="the file cannot be applied, and nothing changed:\n{error}",
    ),
    "actor.failed": Event(
        ERROR,
        "an actor died of an exception while it handled this message; a Worker is replaced, any other ends the service",
        fields="actor worker handling error traceback",
        said=say.actor_failed,
    ),
    "actor.hung": Event(
        ERROR,
        "a handler has been at one message for 10 s, and where it is; `log` and `housekeeping` are threads that "
        "wait for a disk. Once a hang",
        fields="actor worker handling seconds stack",
        said="a handler ({actor}) has been at one message ({handling}) for {seconds}",
    ),
    "actor.goes_on": Event(
        WARNING,
        "that handler has come to its end",
        fields="actor worker handling seconds",
        said="a handler ({actor}) has come to its end, after {seconds}",
    ),
    "adapter.failed": Event(
        ERROR,
        "something at the edge raised; it goes on. Once an incident",
        fields="error traceback",
        said="something at the edge failed, and goes on: {error}",
    ),
    "adapter.goes_on": Event(
        WARNING,
        "it has not raised this for a minute; times: how often it did",
        fields="error times",
        said="well for a minute again, after {times} failures: {error}",
    ),
    "library.warned": Event(
        WARNING,
        "a library that the service uses logged a warning",
        fields="logger message traceback",
        said="a library ({logger}) warned: {message}",
    ),
    "library.failed": Event(
        ERROR,
        "a library that the service uses logged an error",
        fields="logger message traceback",
        said="a library ({logger}) failed: {message}",
    ),
    "service.gap": Event(
        WARNING,
        "the service itself stood still for this long (stopped, starved, suspended): no one watched meanwhile",
        fields="seconds",
        said="the service stood still for {seconds}: nothing was watched meanwhile",
    ),
    "ticker.overrun": Event(
        WARNING,
        "a beat came before the last one was over, or was missed. Once an incident",
        fields="beat skipped overruns",
        said="a {beat} beat came late, or was missed",
    ),
    "ticker.on_time": Event(
        INFO,
        "for a minute all beats have been on time; overruns: how many were not since the service began",
        fields="overruns",
        said="all beats have been on time for a minute; {overruns} were not so far",
    ),
    "metrics.screens_large": Event(
        WARNING,
        "all screens together are above 100 MB",
        fields="bytes",
        said="all screens together take {bytes}",
    ),
    "gateway.listening": Event(
        INFO,
        "commands and subscribers can connect",
        fields="socket",
        said="commands and subscribers can connect",
    ),
    "gateway.subscriber_dropped": Event(
        WARNING,
        "a subscriber read nothing for 5 s",
        fields="pid topics after_s",
        said="a subscriber (pid {pid}) was dropped: it read nothing for {after_s}",
    ),
    "gateway.foreign_peer": Event(
        WARNING,
        "another user connected; closed without an answer. Once a user",
        fields="uid pid",
        said="another user (uid {uid}, pid {pid}) tried to connect, and was refused",
    ),
    "gateway.accept_failed": Event(
        ERROR,
        "no connection could be accepted. When descriptors have run out, clients are told so. Once an incident",
        fields="error",
        said="no connection could be accepted: {error}",
    ),
    "gateway.request_failed": Event(
        ERROR,
        "a request ended in an exception of ours",
        fields="do error traceback",
        said="a request ({do}) failed in the service: {error}",
    ),
    "order.given": Event(
        INFO,
        "somebody has ordered something through the page or the API; by: the name of the token; what is typed is not "
        "here",
        fields="by do names select signal force",
        said=say.order_given,
    ),
}
