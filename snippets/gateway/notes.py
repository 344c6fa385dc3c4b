"""An MCP server over standard input and output. It knows nothing of tokens."""

from mcp.server.mcpserver import MCPServer

server = MCPServer("notes")
notes: list[str] = []


@server.tool()
def list_notes() -> list[str]:
    """List the notes."""
    return notes


@server.tool()
def add_note(text: str) -> int:
    """Add a note, and count them all."""
    notes.append(text)
    return len(notes)


if __name__ == "__main__":
    server.run()
