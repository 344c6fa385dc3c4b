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

  function markOf(proof, versions) {
    const mark = document.createElement("span");
    const words = proof
      ? `Verified on ${proof.date} in ${proof.seconds} s by ${proof.test}, ${versions}`
      : "Not verified: no run has proven this text";
    mark.className = proof ? "verified" : "verified verified--not";
    mark.title = words;
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", words);
    return mark;
  }

  async function markAll() {
    const found = await evidence;
    if (!found || !globalThis.crypto?.subtle) return;
    const versions = Object.entries(found.versions).map((pair) => pair.join(" ")).join(", ");
    for (const code of document.querySelectorAll(".md-content .highlight:not(.doc-signature) pre > code")) {
      const hash = await sha256(code.textContent);
      if (!code.parentElement.querySelector(".verified")) code.after(markOf(found.blocks[hash], versions));
    }
  }

  if (typeof document$ === "undefined") markAll();
  else document$.subscribe(markAll);
})();
