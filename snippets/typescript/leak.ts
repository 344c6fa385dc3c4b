import { inspect } from "node:util";
import axios from "axios";
import { MCPClient } from "./mcp-client.ts";

const token = process.env["MCP_TOKEN"] ?? "";
const nobody = "http://127.0.0.1:9";

const errors = {
  axios: await axios.get(nobody, { headers: { Authorization: `Bearer ${token}` } }).catch((error: unknown) => error),
  MCPClient: await new MCPClient(nobody, token).health().catch((error: unknown) => error),
};
for (const [name, error] of Object.entries(errors)) {
  const printed = inspect(error, { depth: Infinity, showHidden: true });
  console.log(`${name}: ${printed.includes(token) ? "the token is in it" : "no token in it"}`);
}
