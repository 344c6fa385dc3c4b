import { inspect } from "node:util";
import axios from "axios";
import { MCPClient } from "./mcp-client.ts";

const token = process.env["MCP_TOKEN"] ?? "";
const nobody = "http://127.0.0.1:9";
const headers = { Authorization: `Bearer ${token}` };
const errorOf = (call: Promise<unknown>) => call.catch((error: unknown) => error);

const errors = {
  axios: await errorOf(axios.get(nobody, { headers })),
  MCPClient: await errorOf(new MCPClient(nobody, token).health()),
};
for (const [name, error] of Object.entries(errors)) {
  const printed = inspect(error, { depth: Infinity, showHidden: true });
  console.log(`${name}: ${printed.includes(token) ? "the" : "no"} token is in it`);
}
