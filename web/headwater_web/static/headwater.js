// Keyboard, theme, copy buttons, and bringing the focus of a graph into view. Every page reads without it.
"use strict";

(() => {
  const box = document.getElementById("q");
  const panel = document.getElementById("quick");

  // Who is not logged in has no box.
  // Search: "/" or Ctrl/Cmd-K goes to the box, arrows walk through the hits, Esc goes back.

  function hits() {
    const scope = panel?.childElementCount ? panel : document;
    return [...scope.querySelectorAll("[data-hit]")];
  }

  function isTyping(target) {
    return target.closest("input, textarea, select, [contenteditable]") !== null;
  }

  function closePanel() {
    panel?.replaceChildren();
  }

  function move(step) {
    const all = hits();
    const next = all.indexOf(document.activeElement) + step;
    if (next < 0) box.focus();
    else if (next < all.length) all[next].focus();
  }

  function onEscape() {
    if (panel?.childElementCount) {
      closePanel();
      box.focus();
    } else if (document.activeElement === box) {
      box.blur();
    } else if (document.activeElement?.matches("[data-hit]")) {
      box.focus();
    }
  }

  document.addEventListener("keydown", (event) => {
    const wantsSearch = (event.key === "/" && !isTyping(event.target))
      || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey));
    if (wantsSearch && box) {
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "Escape") {
      onEscape();
    } else if (event.target === box || event.target.matches("[data-hit]")) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        move(event.key === "ArrowDown" ? 1 : -1);
      }
    }
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".find")) closePanel();
  });

  // Theme: the cookie lets the server draw the next page right from the start.

  const toggle = document.querySelector("[data-theme-toggle]");
  const root = document.documentElement;
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const isDark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    document.cookie = `headwater_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  });

  // What each page, and each part that htmx brings, needs once it is there.

  function prepare(scope) {
    for (const button of scope.querySelectorAll("[data-copy]")) button.hidden = false;
    for (const field of scope.querySelectorAll("[data-submits]")) {
      field.addEventListener("change", () => field.form.requestSubmit());
    }
    for (const focus of scope.querySelectorAll(".graph .is-focus")) {
      const frame = focus.closest(".graph");
      const middle = focus.getBoundingClientRect().left - frame.getBoundingClientRect().left;
      frame.scrollLeft += middle - frame.clientWidth / 2 + focus.getBoundingClientRect().width / 2;
      const height = focus.getBoundingClientRect().top - frame.getBoundingClientRect().top;
      frame.scrollTop += height - frame.clientHeight / 2;
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.dataset.done = "";
    setTimeout(() => delete button.dataset.done, 1500);
  });

  // What is drawn anew keeps the focus, or the keyboard could never reach the button of a run that is followed.

  let focused = "";
  document.addEventListener("htmx:before:swap", () => { focused = document.activeElement?.id ?? ""; });
  document.addEventListener("htmx:after:swap", () => {
    if (focused && document.activeElement === document.body) {
      document.getElementById(focused)?.focus({ preventScroll: true });
    }
  });

  prepare(document);
  window.headwater = { prepare };
  document.addEventListener("htmx:after:swap", () => prepare(document));
})();
