"""Send every query of a dashboard to Prometheus, once it has scraped the server, and say what came back."""

import json
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

PROMETHEUS = "http://127.0.0.1:9090/api/v1/query?"


def ask(query: str) -> list[object]:
    with urlopen(PROMETHEUS + urlencode({"query": query})) as answer:
        series: list[object] = json.load(answer)["data"]["result"]
    return series


def wait(query: str) -> None:
    while True:
        try:
            if ask(query):
                return
        except URLError:
            pass
        time.sleep(0.2)


wait('rate(mcp_auth_events_total{event="accept"}[5m]) > 0')
for panel in json.loads(Path(sys.argv[1]).read_text())["panels"]:
    for target in panel["targets"]:
        print(f"{panel['title']:32} {'answered' if ask(target['expr']) else 'nothing'}")
