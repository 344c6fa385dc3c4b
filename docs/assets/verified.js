// Marks each block of code that a run has proven: verified.json has the SHA-256 of every text that was run, and by
// which test. A block that was edited since has another hash, and so loses its mark by itself.
"use strict";

(() => {
  const evidence = fetch(new URL("../verified.json", document.currentScript.src))
    .then((answer) => (answer.ok ? answer.json() : null))
    .catch(() => null);

  async function sha256(text) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function markOf({ test, date, seconds }, versions) {
    const mark = document.createElement("span");
    mark.className = "verified";
    mark.title = `Verified on ${date} in ${seconds} s by ${test}, with ${versions}`;
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", mark.title);
    return mark;
  }

  async function markAll() {
    const found = await evidence;
    if (!found || !globalThis.crypto?.subtle) return;
    const versions = Object.entries(found.versions).map((pair) => pair.join(" ")).join(", ");
    for (const code of document.querySelectorAll(".md-content pre > code")) {
      const proof = found.blocks[await sha256(code.textContent)];
      if (proof && !code.parentElement.querySelector(".verified")) code.after(markOf(proof, versions));
    }
  }

  if (typeof document$ === "undefined") markAll();
  else document$.subscribe(markAll);
})();
