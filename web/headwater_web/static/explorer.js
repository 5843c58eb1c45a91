// The lineage page unfolds in place: its links bring the same page, of which the graph keeps its place.
// Without this script each link is a page load, and says the same.
(() => {
  "use strict";

  const SCALES = [0.25, 2.5];
  let scale = 1;
  let isBegun = false;
  let steps = 0; // that this page can take back
  let asked = 0; // requests so far: an answer to an earlier one is late

  const root = () => document.querySelector("[data-explorer]");
  const frame = () => root().querySelector(".explorer__graph .graph");
  const svg = () => frame().querySelector("svg");
  const boxOf = (key) => key && frame().querySelector(`a[data-key="${CSS.escape(key)}"]`);

  // Following links without leaving

  function isOurs(url) {
    return url.origin === location.origin && url.pathname === location.pathname;
  }

  async function show(url, anchor, isBack) {
    const number = ++asked;
    root().setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.querySelector("[data-explorer]");
      if (number !== asked) return;
      if (!answer.ok || !next) throw new Error(String(answer.status));
      document.title = page.title;
      replace(next, anchor);
      if (!isBack && String(url) !== location.href) history.pushState({ step: ++steps }, "", url);
      tell();
    } catch {
      if (number === asked) location.assign(url); // the whole page says what is wrong
    }
  }

  function replace(next, anchor) {
    const old = boxOf(anchor) || frame().querySelector(".is-focus");
    const before = old && old.getBoundingClientRect();
    const focused = document.activeElement?.closest("[data-key]")?.dataset.key;
    const scrolls = [...root().querySelectorAll(".by-distance__list")].map((list) => list.scrollTop);
    const word = root().querySelector("[data-find]").value;
    root().replaceWith(document.adoptNode(next));
    begin();
    const box = boxOf(old?.dataset.key);
    if (box && before) {
      const after = box.getBoundingClientRect();
      frame().scrollLeft += after.left - before.left;
      frame().scrollTop += after.top - before.top;
    } else {
      centre(frame().querySelector(".is-focus"));
    }
    root().querySelectorAll(".by-distance__list").forEach((list, at) => { list.scrollTop = scrolls[at] || 0; });
    root().querySelector("[data-find]").value = word;
    find(word);
    (boxOf(focused) || boxOf(root().querySelector("[data-chosen]")?.dataset.chosen))?.focus({ preventScroll: true });
    window.headwater.prepare(root());
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-explorer] a[href]");
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || link.hasAttribute("download")) return;
    const url = new URL(link.href.baseVal ?? link.href, location.href);
    if (!isOurs(url)) return;
    event.preventDefault();
    if (drag.moved) return;
    const box = link.classList.contains("rim") ? previousBox(link) : link;
    show(url, box.dataset.key || root().querySelector("[data-chosen]")?.dataset.chosen);
  });

  document.addEventListener("dblclick", (event) => {
    const box = event.target.closest("[data-explorer] .graph a[data-key]");
    if (!box) return;
    const url = new URL(location.href);
    for (const name of ["node", "open", "hide", "unfold", "to"]) url.searchParams.delete(name);
    if (box.dataset.key.startsWith(":")) url.searchParams.append("unfold", box.dataset.key);
    else url.searchParams.set("focus", box.dataset.key);
    show(url, box.dataset.key);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-explorer] form.choice");
    if (!form) return;
    event.preventDefault();
    const given = [...new FormData(form)].filter(([, value]) => value);
    show(new URL(`${form.action.split("?")[0]}?${new URLSearchParams(given)}`, location.href));
  });

  function previousBox(rim) {
    let node = rim.previousElementSibling;
    while (node && !node.dataset.key) node = node.previousElementSibling;
    return node || rim;
  }

  addEventListener("popstate", (event) => {
    steps = event.state?.step || 0;
    show(location.href, null, true);
  });

  function tell() {
    const undo = root().querySelector("[data-undo]");
    undo.disabled = !steps;
    root().removeAttribute("aria-busy");
  }

  // Zoom and moving about

  function zoom(by, at) {
    const picture = svg().viewBox.baseVal;
    const box = frame().getBoundingClientRect();
    const [x, y] = at ? [at.clientX - box.left, at.clientY - box.top] : [box.width / 2, box.height / 2];
    const before = scale;
    const whole = Math.min((box.width - 4) / picture.width, (box.height - 4) / picture.height, 1);
    scale = Math.min(Math.max(by === "fit" ? whole : scale * by, Math.min(SCALES[0], whole)), SCALES[1]);
    const [left, top] = [frame().scrollLeft, frame().scrollTop];
    resize();
    frame().scrollLeft = (left + x) * (scale / before) - x;
    frame().scrollTop = (top + y) * (scale / before) - y;
  }

  function resize() {
    const picture = svg().viewBox.baseVal;
    svg().setAttribute("width", picture.width * scale);
    svg().setAttribute("height", picture.height * scale);
  }

  function centre(box) {
    if (!box) return;
    const [inner, outer] = [box.getBoundingClientRect(), frame().getBoundingClientRect()];
    frame().scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
    frame().scrollTop += inner.top + inner.height / 2 - outer.top - outer.height / 2;
  }

  const drag = { on: false, moved: false, x: 0, y: 0 };

  document.addEventListener("pointerdown", (event) => {
    drag.moved = false;
    if (event.pointerType !== "mouse" || event.button || !event.target.closest(".explorer__graph .graph")) return;
    Object.assign(drag, { on: true, x: event.clientX, y: event.clientY });
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag.on) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < 5) return;
    drag.moved = true;
    frame().classList.add("is-dragged");
    frame().scrollBy(-dx, -dy);
    Object.assign(drag, { x: event.clientX, y: event.clientY });
  });
  document.addEventListener("pointerup", () => {
    drag.on = false;
    frame()?.classList.remove("is-dragged");
  });
  document.addEventListener("dragstart", (event) => {
    if (event.target.closest(".explorer__graph .graph")) event.preventDefault();
  });
  document.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !event.target.closest(".explorer__graph .graph")) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 300), event);
  }, { passive: false });

  document.addEventListener("click", (event) => {
    const by = event.target.closest("[data-explorer] [data-zoom]")?.dataset.zoom;
    if (by) zoom(by === "fit" ? by : Number(by));
    if (event.target.closest("[data-undo]")) history.back();
    const png = event.target.closest("[data-svg]");
    if (png) save(png.dataset.svg, png.dataset.name);
    for (const menu of document.querySelectorAll(".menu[open]")) {
      if (!menu.contains(event.target) || event.target.closest("a, li button")) menu.open = false;
    }
  });

  // The keyboard: arrows go to the nearest box that way

  const AHEAD = {
    ArrowRight: (dx, dy) => [dx, Math.abs(dy)],
    ArrowLeft: (dx, dy) => [-dx, Math.abs(dy)],
    ArrowDown: (dx, dy) => [dy, Math.abs(dx)],
    ArrowUp: (dx, dy) => [-dy, Math.abs(dx)],
  };

  document.addEventListener("keydown", (event) => {
    const box = document.activeElement?.closest(".explorer__graph .graph a[data-key]");
    const menu = event.key === "Escape" && document.querySelector(".menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    if (event.target.matches("[data-find]") && event.key === "Enter") {
      boxOf(frame().querySelector("a.is-found")?.dataset.key)?.focus();
    }
    if (!box || !AHEAD[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const here = box.getBoundingClientRect();
    let [best, least] = [null, Infinity];
    for (const other of frame().querySelectorAll("a[data-key]")) {
      const there = other.getBoundingClientRect();
      const [along, across] = AHEAD[event.key](there.left - here.left, there.top - here.top);
      const cost = along + 2.5 * across;
      if (along > 4 && cost < least) [best, least] = [other, cost];
    }
    best?.focus();
  });

  // Find in the picture

  function find(text) {
    const word = text.trim().toLowerCase();
    const found = [];
    for (const link of root().querySelectorAll("a[data-key]")) {
      const isFound = word !== "" && link.dataset.key.toLowerCase().includes(word);
      link.classList.toggle("is-found", isFound && frame().contains(link));
      link.classList.toggle("is-dim", word !== "" && !isFound && frame().contains(link));
      if (link.closest("li")) link.closest("li").hidden = word !== "" && !isFound;
      else if (isFound) found.push(link);
    }
    root().querySelector("[data-found]").textContent = word ? `${found.length} drawn` : "";
    if (found.length) centre(found[0]);
  }

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-find]")) find(event.target.value);
  });

  // On a map, names are told where the pointer is: a tile has no room for one

  document.addEventListener("pointermove", (event) => {
    const sign = root().querySelector("[data-name].map__name");
    if (!sign) return;
    const tile = event.target.closest?.(".map a[data-key]");
    sign.hidden = !tile || drag.on;
    if (sign.hidden) return;
    sign.textContent = tile.getAttribute("aria-label");
    sign.style.left = `${Math.min(event.clientX + 14, innerWidth - sign.offsetWidth - 8)}px`;
    sign.style.top = `${event.clientY + 18}px`;
  });

  // PNG: the file of the picture, drawn at twice its size

  async function save(address, name) {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    const canvas = document.createElement("canvas");
    const most = 16000 / Math.max(picture.width, picture.height);
    const by = Math.min(2, most);
    canvas.width = picture.width * by;
    canvas.height = picture.height * by;
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }, "image/png");
  }

  function begin() {
    for (const tool of root().querySelectorAll("[data-tools], [data-find], [data-png]")) tool.hidden = false;
    if (frame().hasAttribute("data-fits") && !isBegun) zoom("fit");
    isBegun = true;
    resize();
    tell();
  }

  if (history.state?.step) steps = history.state.step;
  begin();
})();
