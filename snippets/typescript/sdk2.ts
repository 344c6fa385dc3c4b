import {
  Client,
  InsufficientScopeError,
  SdkHttpError,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";

const endpoint = new URL("http://127.0.0.1:8765/mcp");

async function ask(token: string | undefined): Promise<string> {
  const headers: Record<string, string> = {};
  if (token) headers["Authorization"] = `Bearer ${token}`;
  const options = { versionNegotiation: { mode: "auto" } } as const;
  const client = new Client({ name: "guide", version: "1.0.0" }, options);
  try {
    const requestInit = { headers };
    await client.connect(new StreamableHTTPClientTransport(endpoint, { requestInit }));
    const { tools } = await client.listTools();
    const result = await client.callTool({
      name: "calculate",
      arguments: { expression: "6 * 7" },
    });
    return `${tools.length} tools, ${JSON.stringify(result.structuredContent)}`;
  } catch (error) {
    if (error instanceof InsufficientScopeError) {
      return `InsufficientScopeError: ${error.requiredScope}`;
    }
    if (!(error instanceof SdkHttpError)) throw error;
    return `SdkHttpError ${error.status}: ${error.code}`;
  } finally {
    await client.close();
  }
}

for (const name of ["MCP_TOKEN", "NO_TOKEN", "NARROW"]) {
  console.log(name.padEnd(9), await ask(process.env[name]));
}
