// Keeps the token where every script of the page can read it.
document.querySelector("button").onclick = async () => {
  localStorage.token = await (await fetch("/token", { method: "POST" })).text();
  const answer = await fetch("http://127.0.0.1:8765/mcp", {
    method: "POST",
    headers: {
      authorization: `Bearer ${localStorage.token}`,
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
  });
  const { result } = await answer.json();
  document.querySelector("output").value = result.tools.map((tool) => tool.name).join(" ");
};
