"""What a command refuses with `conflict`, as it would double workers or end another file's.

a service that runs another file                        ──refuse_another───────┐
workers that live where the file's state_dir was before ──refuse_left_behind───┴──▶ CommandError, exit 9
"""

import os
import shlex
from pathlib import Path

from supervisor.client import Client
from supervisor.failures import CommandError
from supervisor.panes import living, some
from supervisor.paths import printable, read_pointer
from supervisor.place import Place
from supervisor.plain_text import visible


def service_of(place: Place) -> Client:
    """Return a connection to the service of this file; raises NoService, or conflict where it runs another one."""
    client = Client.connect(place.socket)
    try:
        refuse_another(client, place)
    except CommandError:
        client.close()
        raise
    return client


def refuse_another(client: Client, own: Place) -> None:
    """Two files with one state directory would take each other's workers for removed ones, or end them."""
    path = client.call("hello")["config"]
    if path is None or own.of_any_file or _is_same(path, own.config):
        return
    raise CommandError(
        "conflict",
        f"the service here runs another file: `panevisor -c {shlex.quote(visible(path))} …` is for that one; "
        f"{visible(own.config)} needs a state_dir of its own",
    )


def _is_same(told: str, config: Path) -> bool:
    """Compare what a service tells of its file, where what is no UTF-8 is written out, with a file of ours."""
    return told == printable(config) or os.path.realpath(told) == os.path.realpath(config)


def refuse_left_behind(own: Place) -> None:
    """Workers that live in the state directory of before would be started a second time in the present one."""
    before = read_pointer(own.config)
    if before is None or os.path.realpath(before) == os.path.realpath(own.state_dir):
        return
    if left := living(Place(own.config, before, own.socket)):
        raise CommandError(
            "conflict",
            f"{some(left)} live on in {visible(before)}, and would run twice with state_dir = {visible(own.state_dir)}."
            f" Set state_dir back to {visible(before)}, and `panevisor up` finds them again. To move: "
            "`panevisor down` after that, and then the new state_dir",
        )
