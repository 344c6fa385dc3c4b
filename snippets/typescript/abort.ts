import { MCPClient } from "./mcp-client.ts";

const token = process.env["MCP_TOKEN"];
const gateway = new MCPClient("http://127.0.0.1:8765", token);
const hasty = new MCPClient("http://127.0.0.1:8765", token, { timeout: 300 });
const button = new AbortController();
const slow = { seconds: 9 };

const calls: Record<string, () => Promise<unknown>> = {
  "you stop it": () => gateway.execute("sleep", slow, { signal: button.signal }),
  "your own time limit": () =>
    gateway.execute("sleep", slow, { signal: AbortSignal.timeout(300) }),
  "the tool's time limit": () => gateway.execute("sleep", slow, { seconds: 0.3 }),
  "the client's time limit": () => hasty.execute("sleep", slow),
};
setTimeout(() => button.abort(), 300);
for (const [what, call] of Object.entries(calls)) {
  await call().catch((error: Error) => console.log(`${what}: ${error.name}`));
}
