// Has no token: a small backend keeps it, and knows this browser by a cookie that no script can read.
document.querySelector("button").onclick = async () => {
  await fetch("/session", { method: "POST" });
  const answer = await fetch("/tools", { method: "POST" });
  document.querySelector("output").value = await answer.text();
};
