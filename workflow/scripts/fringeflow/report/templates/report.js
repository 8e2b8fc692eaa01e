"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Theme: what the system says, until the reader chooses.
  const theme = document.querySelector(".theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => {
    theme.textContent = dark() ? "Light" : "Dark";
    theme.setAttribute("aria-pressed", String(dark()));
    theme.setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"} colours`);
  };
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
  system.addEventListener("change", label);
  label();

  // Tables: sorted by a click on a head, numbers from the largest; rows without a value stay last.
  const sort = (head) => {
    const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
    const numeric = head.classList.contains("number");
    const now = head.getAttribute("aria-sort");
    const direction = now === "none" ? (numeric ? "descending" : "ascending") : now === "ascending" ? "descending" : "ascending";
    all("th", table.tHead).forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row, place) => ({ row, place, key: row.cells[column].dataset.order ?? "" }));
    const compare = (a, b) => (numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true }));
    rows.sort((a, b) => {
      if (a.key === "" || b.key === "") return (a.key === "") - (b.key === "") || a.place - b.place;
      return sign * compare(a.key, b.key) || a.place - b.place;
    });
    body.append(...rows.map((one) => one.row));
  };

  // Filters: a row stays if it holds every word.
  const filter = (box, input) => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...box.querySelector("tbody").rows];
    let left = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      left += !row.hidden;
    }
    box.querySelector(".count").textContent = words.length ? `${left} of ${rows.length} rows` : `${rows.length} rows`;
  };

  // Pictures: enlarged in a dialog, at full size by one more click.
  const box = document.querySelector(".lightbox"), stage = box.querySelector(".stage"), large = box.querySelector("img");
  const enlarge = (button) => {
    const image = button.querySelector("img"), caption = button.parentElement.querySelector("figcaption");
    large.src = image.src;
    large.alt = image.alt;
    box.querySelector("p").textContent = caption ? caption.textContent : "";
    stage.classList.remove("whole");
    box.showModal();
  };
  large.addEventListener("click", () => stage.classList.toggle("whole"));
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  box.addEventListener("close", () => large.removeAttribute("src"));

  // Runs: a panel is made when it is opened for the first time, so that the page stays quick.
  const fill = (run) => {
    const template = run.querySelector(":scope > template");
    if (!template) return;
    run.append(template.content);
    template.remove();
  };
  const runs = all("details.run");
  runs.forEach((run) => run.addEventListener("toggle", () => { if (run.open) fill(run); }));
  const every = document.querySelector(".all");
  every?.addEventListener("click", () => {
    const open = every.getAttribute("aria-pressed") !== "true";
    runs.forEach((run) => { if (open) fill(run); run.open = open; });
    every.setAttribute("aria-pressed", String(open));
    every.textContent = open ? "Close all" : "Open all";
  });
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.matches("details.run")) return;
    fill(target);
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);
  follow();

  document.addEventListener("click", (event) => {
    const head = event.target.closest("thead button"), picture = event.target.closest(".zoom");
    if (head) sort(head.closest("th"));
    if (picture) enlarge(picture);
    // A link to where the reader already was changes no hash.
    const link = event.target.closest("a[href^='#run/']");
    if (link && link.hash === location.hash) follow();
  });
  all(".tools input").forEach((input) => input.addEventListener("input", () => filter(input.closest(".table"), input)));

  // Navigation: the section that is read is marked.
  const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
  const seen = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) seen[entry.isIntersecting ? "add" : "delete"](entry.target.id);
    const current = [...links.keys()].reverse().find((id) => seen.has(id));
    for (const [id, link] of links) id === current ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }, { rootMargin: "-10% 0px -60% 0px" });
  all("main > section").forEach((section) => watch.observe(section));
})();
