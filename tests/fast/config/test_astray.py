"""What proves that a config is the file that was moved here: two signs, and a worker that lives."""

from pathlib import Path

import pytest

from actors.values.records import Origin
from supervisor.config.astray import was_moved
from supervisor.config.on_disk import digest_on_disk, origin_of
from supervisor.state.living_sites import LivingSite


def site_of(then: Origin, digest: str = "then", workers: tuple[str, ...] = ("web",)) -> LivingSite:
    return LivingSite(7, Path("/srv/state"), False, None, workers, frozenset({"12345678"}), then, digest)


@pytest.mark.parametrize(
    ("same", "workers", "moved"),
    [
        ({"file", "folder"}, ("web",), True),
        ({"file", "name"}, ("web",), True),
        ({"folder", "name"}, ("web",), True),
        ({"file", "content"}, ("web",), True),
        ({"name", "content"}, ("web",), True),
        ({"file", "name"}, ("db", "pool-2"), True),
        ({"file"}, ("web",), False),  # the kernel gave the inode of the deleted file to this one
        ({"folder"}, ("web",), False),
        ({"content"}, ("web",), False),
        ({"name"}, ("web",), False),
        ({"file", "folder", "name", "content"}, ("another",), False),
    ],
)
def test_a_file_is_the_moved_one_by_two_signs_and_a_worker_that_lives(
    place: Path, same: set[str], workers: tuple[str, ...], moved: bool
) -> None:
    config = place / "panevisor.toml"
    config.write_text("[workers.web]\ncommand = 'x'\n[workers.pool]\ncommand = 'x'\nreplicas = 3\n")
    now = origin_of(config)
    assert now is not None
    then = Origin(
        config=f"/gone/{config.name if 'name' in same else 'other.toml'}",
        file=now.file if "file" in same else (0, 1),
        folder=now.folder if "folder" in same else (0, 2),
    )
    digest = digest_on_disk(config) if "content" in same else "then"
    assert was_moved(site_of(then, digest, workers), config) is moved
