// The theme adds copy buttons and wraps tables after a page has loaded. This gives them what readers without a mouse,
// without eyes or with a small screen need: names, the focus for what scrolls, and places where a long name may break.
"use strict";

function mend() {
  document.querySelectorAll(".md-code__nav").forEach((nav, index) => {
    nav.setAttribute("aria-label", `Code block ${index + 1}`);
  });
  for (const block of document.querySelectorAll("pre > code, .md-typeset__scrollwrap, .tabbed-labels")) {
    if (block.scrollWidth > block.clientWidth && !block.hasAttribute("tabindex")) block.tabIndex = 0;
  }
}

for (const name of document.querySelectorAll("td:first-child > code")) {
  name.replaceChildren(...name.textContent.split(/(?<=[_./])/).flatMap((part) => [part, document.createElement("wbr")]));
}

// A printed table keeps its columns and scrolls; a message is read to its end, so it breaks.
for (const printed of document.querySelectorAll(".language-text pre > code")) {
  if (printed.textContent.split("\n").some((line) => line.length > 110)) printed.classList.add("long");
}

// On a device that cannot hover, the theme takes the focus from code again: hence the watch over `tabindex`.
new MutationObserver(mend).observe(document.body, { childList: true, subtree: true, attributeFilter: ["tabindex"] });
new ResizeObserver(mend).observe(document.body);
document.addEventListener("change", mend);
