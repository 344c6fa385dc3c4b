"""Start the server of a list as some hosts do: all in one line, which is split again at each space."""

import json
import os
import subprocess
import sys
from pathlib import Path

server = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["mcpServers"]["guide"]
line = " ".join([server["command"], *server["args"]])
started = subprocess.run(line.split(), env={**os.environ, **server.get("env", {})}, check=False)
sys.exit(started.returncode)
