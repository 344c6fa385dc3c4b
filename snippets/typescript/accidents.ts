import { MCPClient } from "./mcp-client.ts";

const accidents: readonly [origin: string, token: string][] = [
  ["https://gateway.example", "abc.def.ghi\n"],
  ["https://gateway.example", "Bearer abc.def.ghi"],
  ["https://gateway.example", "${MCP_TOKEN}"],
  ["https://gateway.example", ""],
  ["http://gateway.example", "abc.def.ghi"],
  ["https://gateway.example/api/v1/mcp", "abc.def.ghi"],
];
for (const accident of accidents) {
  try {
    new MCPClient(...accident);
  } catch (error) {
    console.log((error as Error).message);
  }
}
