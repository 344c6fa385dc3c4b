import { MCPClient } from "./mcp-client.ts";

const gateway = new MCPClient("http://127.0.0.1:8765", process.env["MCP_TOKEN"]);

console.log("health  ", (await gateway.health()).status);
for (const { name, status, tools } of await gateway.listServers()) {
  console.log("server  ", name, status, tools);
}
for (const { server, name, scopes } of await gateway.listTools("demo")) {
  console.log("tool    ", `${server}.${name}`, ...scopes);
}
const { input_schema } = await gateway.getTool("calculate");
console.log("takes   ", input_schema["required"]);

const result = await gateway.execute("calculate", { expression: "6 * 7" });
console.log("answers ", result.structured_content);

const failed = await gateway.execute("fail");
console.log("fails   ", failed.is_error, failed.content[0]?.text);
