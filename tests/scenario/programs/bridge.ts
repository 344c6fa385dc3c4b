import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { getDefaultEnvironment, StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { play } from "./play.ts";

const { MCP_ORIGIN, MCP_TOKEN } = process.env;
const home = await mkdtemp(`${tmpdir()}/bridge-`);
const transport = new StdioClientTransport({
  command: fileURLToPath(new URL("../../../node_modules/.bin/mcp-remote", import.meta.url)),
  args: [
    `${MCP_ORIGIN}/mcp`,
    "--transport",
    "http-only",
    "--device-code",
    ...(MCP_TOKEN ? ["--header", "Authorization:${AUTH_HEADER}"] : []),
  ],
  env: { ...getDefaultEnvironment(), HOME: home, AUTH_HEADER: `Bearer ${MCP_TOKEN}` },
});
const client = new Client({ name: "scenario", version: "1.0.0" });

await play({
  connect: () => client.connect(transport, { timeout: 60_000 }),
  list: async () => (await client.listTools()).tools,
  call: async (name, args) => (await client.callTool({ name, arguments: args })).structuredContent,
  close: () => client.close(),
});
await rm(home, { recursive: true });
