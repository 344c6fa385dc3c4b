"""Say who did what: a row for each line of the audit log."""

import json
from pathlib import Path

for line in Path(".mcp/audit.log").read_text().splitlines():
    event = json.loads(line)
    columns = [event["event"], event.get("subject", "?"), event.get("tool", ""), event.get("code", "")]
    print("".join(f"{column:12}" for column in columns).rstrip())
