// Fetches the changing part of the overview anew every few seconds while the tab is seen. The page works without it.
"use strict";

const live = document.getElementById("live");
const seconds = Number(live.dataset.seconds);
let failures = 0;

function show(state) {
  document.title = (state === "ok" ? "" : `(${state}) `) + "syncd";
  document.querySelector("link[rel=icon]").href = `/favicon/${state}.svg`;
}

async function refresh() {
  if (!document.hidden) {
    try {
      const answer = await fetch("/live", { signal: AbortSignal.timeout(10000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const opened = document.activeElement && live.contains(document.activeElement);
      const html = await answer.text();
      // A focused link or selected text would be lost under the reader's hands: leave the page alone until next time.
      if (!opened && document.getSelection().isCollapsed) live.innerHTML = html;
      failures = 0;
      live.classList.remove("cut-off");
      show(live.querySelector(".band").dataset.state);
    } catch {
      failures += 1;
      live.classList.add("cut-off");
      show("failed");
    }
  }
  setTimeout(refresh, Math.min(seconds * 2 ** failures, 60) * 1000);
}

setTimeout(refresh, seconds * 1000);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && failures) location.reload();
});
