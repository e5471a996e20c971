"""Which process of xdist runs a test, and when: what is shared is started once, and what takes long begins early.

`--dist loadscope` gives out whole modules in this project only where their tests share something, and single tests
otherwise: those marked as long first.
"""

from typing import Any

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object | None:
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    shared: dict[str, bool] = {}

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            if module not in shared:
                shared[module] = 'scope="module"' in (config.rootpath / module).read_text()
            return module if shared[module] else nodeid

    return Scheduler(config, log)
