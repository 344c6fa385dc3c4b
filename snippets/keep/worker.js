// Holds the token. No script of the page reaches in here, and nothing that leaves holds it.
let token;

onmessage = async () => {
  token ??= await (await fetch("/token", { method: "POST" })).text();
  const answer = await fetch("http://127.0.0.1:8765/mcp", {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
  });
  const { result } = await answer.json();
  postMessage(result.tools.map((tool) => tool.name).join(" "));
};
