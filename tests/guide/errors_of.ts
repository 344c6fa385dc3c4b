import { inspect } from "node:util";
import { MCPClient } from "../../snippets/typescript/mcp-client.ts";

const token = process.env["MCP_TOKEN"] ?? "";
const client = new MCPClient(process.env["MCP_ORIGIN"] ?? "", token, { timeout: Number(process.env["LIMIT"]) });

for (const tool of process.argv.slice(2)) {
  const error: unknown = await client.getTool(tool).catch((reason: unknown) => reason);
  const holdsToken = inspect(error, { depth: Infinity, showHidden: true }).includes(token);
  const { name, message } = error as Error;
  console.log(JSON.stringify({ name, message, ...(error as object), holdsToken }));
}
