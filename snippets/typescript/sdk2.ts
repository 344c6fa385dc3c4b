import {
  Client,
  InsufficientScopeError,
  SdkHttpError,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";

const endpoint = new URL("http://127.0.0.1:8765/mcp");

async function ask(token: string | undefined): Promise<string> {
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  const client = new Client({ name: "guide", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
  try {
    await client.connect(new StreamableHTTPClientTransport(endpoint, { requestInit: { headers } }));
    const { tools } = await client.listTools();
    const { structuredContent } = await client.callTool({ name: "calculate", arguments: { expression: "6 * 7" } });
    return `${tools.length} tools, ${JSON.stringify(structuredContent)}`;
  } catch (error) {
    if (error instanceof InsufficientScopeError) return `InsufficientScopeError: ${error.requiredScope}`;
    if (error instanceof SdkHttpError) return `SdkHttpError ${error.status}: ${error.code}`;
    throw error;
  } finally {
    await client.close();
  }
}

for (const name of ["MCP_TOKEN", "NO_TOKEN", "NARROW"]) {
  console.log(name.padEnd(9), await ask(process.env[name]));
}
