"""Start a program with a token in its environment: with_token.py FILE PROGRAM [ARGUMENT…]."""

import os
import stat
import sys
from pathlib import Path

path, *command = sys.argv[1:]
mode = stat.S_IMODE(Path(path).stat().st_mode)
if mode & 0o077:
    sys.exit(f"{path} has mode {mode:o}, so others can read it. Make it yours alone: chmod 600 {path}")
os.environ["MCP_TOKEN"] = Path(path).read_text(encoding="utf-8").strip()
os.execvp(command[0], command)
