// Search in an exported site, from a folder or any web server: the index is a script that only holds data.
"use strict";

(() => {
  const root = new URL("../", document.currentScript.src);
  const box = document.getElementById("q");
  const panel = document.getElementById("quick");
  const FEW = 8;
  const MANY = 200;
  let asked = null;

  function index() {
    asked ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("static/search-index.js", root);
      script.onload = () => resolve(window.headwaterIndex);
      script.onerror = reject;
      document.head.append(script);
    });
    return asked;
  }

  function tokens(name) {
    return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase().split(/[^a-z0-9]+/);
  }

  // As the server ranks: an exact name, its beginning, the beginning of a part of it, inside it, then the rest.
  function rank(word, name, rest) {
    if (name === word) return 0;
    if (name.startsWith(word)) return 1;
    if (tokens(name).some((token) => token.startsWith(word))) return 2;
    if (name.includes(word)) return 3;
    return rest.includes(word) ? 4 : -1;
  }

  function find(data, text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = [];
    if (!words.length) return hits;
    for (const [name, module, owner, summary, file] of data.features) {
      const low = name.toLowerCase();
      const rest = `${data.modules[module][0]} ${data.owners[owner]} ${summary}`.toLowerCase();
      let worst = 0;
      for (const word of words) {
        const found = rank(word, low, rest);
        worst = found < 0 || worst < 0 ? -1 : Math.max(worst, found);
      }
      if (worst >= 0) hits.push({ worst, name, module, owner, summary, file });
    }
    return hits.sort((a, b) => a.worst - b.worst || a.name.length - b.name.length);
  }

  function link(data, hit) {
    const made = document.createElement("a");
    const folder = data.modules[hit.module][1];
    made.href = new URL(`features/${folder}/${hit.file || hit.name}.html`, root);
    made.dataset.hit = "";
    return made;
  }

  function span(css, text) {
    const made = document.createElement("span");
    made.className = css;
    made.textContent = text;
    return made;
  }

  async function drop() {
    const data = await index();
    const hits = find(data, box.value);
    if (!box.value.trim()) {
      panel.replaceChildren();
      return;
    }
    const list = document.createElement("div");
    list.className = "quick";
    for (const hit of hits.slice(0, FEW)) {
      const made = link(data, hit);
      made.append(span("mono", hit.name), span("muted", hit.summary || data.modules[hit.module][0]));
      list.append(made);
    }
    const foot = document.createElement("p");
    foot.className = "quick__foot";
    foot.textContent = hits.length ? `${hits.length} found; press Enter for all` : "Nothing found";
    list.append(foot);
    panel.replaceChildren(list);
  }

  async function list(count, card) {
    const text = new URLSearchParams(location.search).get("q") ?? "";
    box.value = text;
    if (!text.trim()) {
      box.focus();
      return;
    }
    const data = await index();
    const hits = find(data, text);
    const more = hits.length > MANY ? ` These are the first ${MANY}.` : "";
    count.textContent = `${hits.length} ${hits.length === 1 ? "feature" : "features"} found for “${text}”.${more}`;
    card.hidden = !hits.length;
    card.firstElementChild.replaceChildren(...hits.slice(0, MANY).map((hit) => {
      const item = document.createElement("li");
      item.className = "hit";
      const name = document.createElement("div");
      name.className = "hit__name";
      const made = link(data, hit);
      made.textContent = hit.name;
      name.append(made);
      const owner = data.owners[hit.owner];
      const side = span("hit__side", data.modules[hit.module][0] + (owner ? ` · ${owner}` : ""));
      item.append(name, side);
      if (hit.summary) item.append(span("hit__doc", hit.summary));
      return item;
    }));
  }

  box?.addEventListener("focus", index);
  box?.addEventListener("input", drop);
  const count = document.querySelector("[data-site-count]");
  if (count) list(count, document.querySelector("[data-site-hits]"));

  // The theme: pages of a folder share no cookies, but what a browser keeps for them.
  const kept = "headwater-theme";
  try {
    const theme = localStorage.getItem(kept);
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    document.querySelector("[data-theme-toggle]")?.addEventListener("click", () => {
      localStorage.setItem(kept, document.documentElement.dataset.theme);
    });
  } catch { /* a browser that keeps nothing shows the theme of the machine */ }
})();
