import { MCPClient } from "../../../snippets/typescript/mcp-client.ts";
import { play } from "./play.ts";

const { MCP_ORIGIN, MCP_TOKEN } = process.env;
const client = new MCPClient(MCP_ORIGIN ?? "", MCP_TOKEN);

await play({
  list: () => client.listTools(),
  call: async (name, args) => (await client.execute(name, args)).structured_content,
});
