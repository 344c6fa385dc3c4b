import { MCPClient } from "./mcp-client.ts";

const gateway = new MCPClient("http://127.0.0.1:8765", process.env["ADMIN"]);

console.log((await gateway.disconnect("demo")).status);
console.log((await gateway.connect("demo")).status);
