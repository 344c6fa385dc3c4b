// The theme adds copy buttons and wraps tables after a page has loaded. This gives them what readers without a mouse,
// without eyes or with a small screen need: names, the focus for what scrolls, and places where a long name may break.
"use strict";

const focusWhatScrolls = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

function mend() {
  document.querySelectorAll(".md-code__nav").forEach((nav, index) => {
    nav.setAttribute("aria-label", `Code block ${index + 1}`);
  });
  for (const block of document.querySelectorAll("pre > code, .md-typeset__scrollwrap, .tabbed-labels")) {
    focusWhatScrolls.observe(block);
  }
}

for (const name of document.querySelectorAll("td:first-child > code")) {
  name.replaceChildren(...name.textContent.split(/(?<=[_./])/).flatMap((part) => [part, document.createElement("wbr")]));
}

new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
mend();
