// Replaces the live part of a page by what the server sends, while somebody looks.
"use strict";

const live = document.getElementById("live");
let stream;
let seen = Date.now();

function open() {
  if (stream || document.hidden) return;
  stream = new EventSource(live.dataset.events);
  stream.onopen = () => document.body.classList.remove("lost");
  stream.onmessage = (event) => {
    seen = Date.now();
    document.body.classList.remove("lost");
    if (!isSelecting()) replace(event.data);
  };
  stream.onerror = () => {
    lose();
    if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again
    close();
    setTimeout(open, 10000);
  };
}

function close() {
  if (stream) stream.close();
  stream = undefined;
}

// lose says that nothing new comes: old rows must not look like new ones.
function lose() {
  document.body.dataset.lost = "No news from the server since " + new Date(seen).toLocaleTimeString() + ". What you see is old.";
  document.body.classList.add("lost");
}

// isSelecting reports whether a person copies a text, which a replacement would take away.
function isSelecting() {
  const selection = document.getSelection();
  return !selection.isCollapsed && live.contains(selection.anchorNode);
}

function replace(html) {
  const focus = live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  live.innerHTML = html;
  if (focus === null) return;
  for (const link of live.querySelectorAll("a")) {
    if (link.getAttribute("href") === focus) {
      link.focus({ preventScroll: true });
      return;
    }
  }
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
open();
