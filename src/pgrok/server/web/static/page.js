"use strict";

// The page works without this file: it adds buttons that copy and a list that keeps itself fresh.

const REFRESH_MS = 2000;
const TIMEOUT_MS = 10000;
const said = document.getElementById("said");

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Browsers have no clipboard for pages over plain http.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function textOf(id) {
  const block = document.getElementById(id).cloneNode(true);
  block.querySelectorAll(".mask").forEach((mask) => mask.remove());
  return block.textContent.trim();
}

for (const button of document.querySelectorAll("[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await copy(textOf(button.dataset.copies));
    button.textContent = said.textContent = "Copied";
    button.focus();
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

const list = document.getElementById("tunnels");
let shown = "";

function show(html) {
  const focused = list.contains(document.activeElement) && document.activeElement.getAttribute("href");
  const count = document.getElementById("count").textContent;
  list.innerHTML = shown = html;
  const recounted = document.getElementById("count").textContent;
  if (recounted !== count) said.textContent = recounted;
  if (focused) list.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
}

async function refresh() {
  if (document.hidden) return;
  try {
    const response = await fetch(list.dataset.source, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status === 401) location.reload();
    if (!response.ok) return;
    const html = await response.text();
    if (html !== shown) show(html);
  } catch {
    // The server restarts or the network is away: the next round asks again.
  }
}

async function watch() {
  await refresh();
  setTimeout(watch, REFRESH_MS);
}

watch();
