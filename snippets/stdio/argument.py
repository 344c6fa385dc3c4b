import argparse

from mcp.server import MCPServer

parser = argparse.ArgumentParser()
parser.add_argument("--token", required=True)
token = parser.parse_args().token

MCPServer("bridge", log_level="WARNING").run("stdio")
