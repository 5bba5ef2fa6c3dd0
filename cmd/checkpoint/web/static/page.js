// Replaces the live part of a page by what the server sends, while somebody looks.
"use strict";

const live = document.getElementById("live");
const patience = 10000; // how long, in milliseconds, the page waits for news before it says so

let stream;
let heard = Date.now(); // when the page was up to date
let held = false; // a replacement was left out, so that the page is not up to date

function open() {
  if (stream || document.hidden) return;
  stream = new EventSource(live.dataset.events);
  stream.addEventListener("alive", () => held || hear());
  stream.onmessage = (event) => {
    held = isSelecting() && Date.now() - heard < patience;
    if (held) return;
    replace(event.data);
    hear();
  };
  stream.onerror = () => {
    lose();
    if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again
    close();
    setTimeout(open, patience);
  };
}

function close() {
  if (stream) stream.close();
  stream = undefined;
}

function hear() {
  heard = Date.now();
  document.body.classList.remove("lost");
}

// lose says that nothing new comes: old rows must not look like new ones.
function lose() {
  document.body.dataset.lost = "No news from the server since " + new Date(heard).toLocaleTimeString() + ". What you see is old.";
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
// A connection may be dead, or never be made, without an error.
setInterval(() => Date.now() - heard > patience && !document.hidden && lose(), 1000);
open();
