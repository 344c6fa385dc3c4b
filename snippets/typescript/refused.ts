import { MCPClient } from "./mcp-client.ts";
import { GatewayError, InsufficientScope, InvalidArguments } from "./mcp-errors.ts";

const clientWith = (token?: string) => new MCPClient("http://127.0.0.1:8765", token);
const ada = clientWith(process.env["MCP_TOKEN"]);
const narrow = clientWith(process.env["NARROW"]);
const nobody = new MCPClient("http://127.0.0.1:9");

const attempts: Record<string, () => Promise<unknown>> = {
  "no token": () => clientWith().listTools(),
  "a forged token": () => clientWith("eyJhbGciOiJub25lIn0.e30.").listTools(),
  "a token that may only list": () => narrow.execute("calculate", { expression: "1" }),
  "a tool with a scope of its own": () => ada.execute("write_file"),
  "no administrator": () => ada.disconnect("demo"),
  "no such server": () => ada.listTools("nobody"),
  "no such tool": () => ada.execute("nothing"),
  "wrong arguments": () => ada.execute("sleep", { seconds: 11 }),
  "no gateway": () => nobody.health(),
};

for (const [attempt, call] of Object.entries(attempts)) {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    console.log(`${attempt}: ${error.name}, ${error.code}`);
    if (error instanceof InsufficientScope) {
      console.log(`  needs ${error.required.join(" ")}`);
    }
    if (error instanceof InvalidArguments) console.log(`  ${error.problems}`);
  }
}
