"""Ask a server for its metrics, and print what each is."""

import logging

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from mcp_auth_ref import Settings, create_app, issuer_from
from mcp_auth_ref.events import Event
from mcp_auth_ref.metrics import Metrics

logging.disable()
NOW = 1_795_000_000
SETTINGS = Settings.load(environ={"MCP_JWT_SECRET": "demonstration-secret-never-use-it-in-production"})
TOKEN = issuer_from(SETTINGS).issue(
    subject="prometheus", client_id="example", scopes=["mcp:metrics:read"], now=NOW, token_id="q8Zc2nWt4yHs7Lx0"
)

with TestClient(create_app(SETTINGS, clock=lambda: NOW), base_url="http://127.0.0.1:8765") as client:
    client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    page = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text

called = Metrics()
called(Event(kind="execute", at=NOW, server="files", tool="read_file", duration=0.02))

rows: dict[str, str] = {}
for text in (page, called.page()[0].decode()):
    for family in text_string_to_metric_families(text):
        if family.samples and not family.name.endswith("_created"):
            labels = dict.fromkeys(name for sample in family.samples for name in sample.labels if name != "le")
            ending = "_total" if family.type == "counter" else ""
            shown = ", ".join(f"`{label}`" for label in labels)
            rows[f"{family.name}{ending}"] = f"{shown} | {family.documentation.rstrip('.')} |"

print("| Metric | Labels | What it is |\n|---|---|---|")
for name in sorted(rows):
    print(f"| `{name}` | {rows[name]}")
