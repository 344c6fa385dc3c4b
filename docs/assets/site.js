// The theme makes its code buttons and wraps its tables after the page has loaded; this gives them what a keyboard
// and a screen reader need: a name for each group of buttons, and
// the focus for blocks that scroll.
"use strict";

const scrolling = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

function mend() {
  document.querySelectorAll(".md-code__nav").forEach((nav, index) => {
    nav.setAttribute("aria-label", `Code block ${index + 1}`);
  });
  for (const block of document.querySelectorAll("pre > code, .md-typeset__scrollwrap, .tabbed-labels, .diagram")) {
    scrolling.observe(block);
  }
}

new MutationObserver(mend).observe(document.body, { childList: true, subtree: true });
mend();
