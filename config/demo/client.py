"""Fetch a page every two seconds and say what came: the demo's client of the web server."""

import sys
import time
import urllib.request


def main(url: str) -> None:
    while True:
        with urllib.request.urlopen(url, timeout=5) as answer:
            print(f"{time.strftime('%T')} {answer.status} {len(answer.read())} bytes from {url}")
        time.sleep(2)


if __name__ == "__main__":
    main(sys.argv[1])
