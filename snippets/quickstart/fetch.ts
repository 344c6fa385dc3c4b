const response = await fetch("http://127.0.0.1:8765/mcp", {
  method: "POST",
  headers: {
    Authorization: `Bearer ${process.env.MCP_TOKEN}`,
    "Content-Type": "application/json",
    Accept: "application/json, text/event-stream",
    "MCP-Protocol-Version": "2025-11-25",
  },
  body: JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "calculate", arguments: { expression: "6 * 7" } },
  }),
});

if (!response.ok) {
  throw new Error(`${response.status} ${response.headers.get("WWW-Authenticate")}`);
}
const { result } = (await response.json()) as { result: { content: { text: string }[] } };
console.log(result.content[0].text);
