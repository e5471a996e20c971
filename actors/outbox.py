"""What workers were told and have not said to have: it is told again to whoever takes their place. One actor's own."""

from actors.intents import News, is_restart


class Outbox:
    """Per worker the news that it has not confirmed, and the number of the last that it has."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[News, ...]] = {}
        self._heard: dict[str, int] = {}

    def add(self, name: str, news: News) -> None:
        self._told[name] = (*self.unheard(name), news)

    def confirm(self, name: str, number: int) -> tuple[News, ...]:
        """Note that a worker has heard everything up to this number, and return what it has not."""
        self._heard[name] = number
        unheard = tuple(news for news in self._told.pop(name, ()) if news.number > number)
        if unheard:
            self._told[name] = unheard
        return unheard

    def unheard(self, name: str) -> tuple[News, ...]:
        return self._told.get(name, ())

    def heard(self, name: str) -> int:
        return self._heard.get(name, 0)

    def take(self, name: str) -> tuple[News, ...]:
        """Return what has not been heard, and do not tell it again."""
        return self._told.pop(name, ())

    def forget(self, name: str) -> None:
        self._told.pop(name, None)
        self._heard.pop(name, None)

    def drop_what_killed(self, name: str, handling: str, *, first: bool) -> None:
        """Take out what a worker's actor was handling when it failed (the name of a message's type).

        What that wanted is in the record, and the replacement goes by it; but not a restart: that is tried once more.
        """
        unheard = self.unheard(name)
        killer = next((news for news in unheard if type(news).__name__ == handling), None)
        if killer is None or (is_restart(killer) and first):
            return
        self._told[name] = tuple(news for news in unheard if news is not killer)
        if not is_restart(killer):
            self._heard[name] = max(killer.number, self.heard(name))
