import { readFile } from "node:fs/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import type { StdioServerParameters } from "@modelcontextprotocol/sdk/client/stdio.js";

type Configuration = { mcpServers: Record<string, StdioServerParameters> };

const configuration = JSON.parse(await readFile("mcp.json", "utf8")) as Configuration;
const client = new Client({ name: "host", version: "1.0.0" });
try {
  const transport = new StdioClientTransport(configuration.mcpServers["guide"]!);
  await client.connect(transport, { timeout: 30_000 });
  const { tools } = await client.listTools();
  console.log(tools.map((tool) => tool.name).join(" "));
  const args = { expression: "6 * 7" };
  const result = await client.callTool({ name: "calculate", arguments: args });
  console.log(result.structuredContent);
} catch (error) {
  console.log(String(error));
  process.exitCode = 1;
} finally {
  await client.close();
}
