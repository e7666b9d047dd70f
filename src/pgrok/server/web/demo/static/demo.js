"use strict";

// The page works without this file: the clock then stands still at the moment of the request.

const ticks = document.getElementById("ticks");
const source = new EventSource("/events");
source.addEventListener("message", (event) => {
  const tick = JSON.parse(event.data);
  ticks.textContent = `${tick.at.slice(11, 19)} UTC, event ${tick.number}`;
});
