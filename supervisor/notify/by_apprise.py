"""The child that sends one message by Apprise: a program of its own, with JSON on its stdin.

Exit codes: 0 sent to all, 1 not sent, 2 a URL that Apprise does not know, 3 Apprise is not installed. It prints
nothing: what libraries say may hold a URL, and with it a secret.
"""

import json
import logging
import sys

NO_APPRISE = 3


def main() -> int:
    try:
        import apprise
    except ImportError:
        return NO_APPRISE
    logging.disable()
    facts = json.load(sys.stdin)
    sender = apprise.Apprise()
    known = [sender.add(url) for url in facts["urls"]]
    if not all(known):
        return 2
    return 0 if sender.notify(title=facts["title"], body=facts["body"]) else 1


if __name__ == "__main__":
    sys.exit(main())
