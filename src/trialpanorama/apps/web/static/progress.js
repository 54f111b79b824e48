"use strict";
// Follows an upload: the page works without this, by loading itself again.
const box = document.getElementById("progress");
const events = new EventSource(box.dataset.events);
events.addEventListener("progress", (event) => {
  const { done, total } = JSON.parse(event.data);
  box.querySelector("progress").value = done;
  box.querySelector("strong").textContent = `${done} of ${total}`;
});
events.addEventListener("done", () => {
  events.close();
  location.reload();
});
