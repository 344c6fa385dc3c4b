import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { play } from "./play.ts";

const { MCP_ORIGIN, MCP_TOKEN } = process.env;
const headers: Record<string, string> = MCP_TOKEN ? { Authorization: `Bearer ${MCP_TOKEN}` } : {};
const transport = new StreamableHTTPClientTransport(new URL(`${MCP_ORIGIN}/mcp`), { requestInit: { headers } });
const client = new Client({ name: "scenario", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });

await play({
  connect: () => client.connect(transport),
  list: async () => (await client.listTools()).tools,
  call: async (name, args) => (await client.callTool({ name, arguments: args })).structuredContent,
  close: () => client.close(),
});
