/**
 * The status page's only script: replaces sections that have changed, keeping the keyboard focus.
 * Without it, the page works but doesn't update itself.
 */
export const liveScript = `
const note = document.getElementById("live");
const page = location.pathname + location.search;
const source = new EventSource("/events?" + new URLSearchParams({ page }));
const say = (text) => { if (note.textContent !== text) note.textContent = text; };
source.addEventListener("open", () => say("Updates automatically."));
source.addEventListener("error", () => {
  say("Disconnected: as of " + new Date().toLocaleTimeString() + ".");
});
source.addEventListener("section", ({ data }) => {
  const { id, version, html } = JSON.parse(data);
  const section = document.getElementById(id);
  if (section === null || section.dataset.version === version) return;
  const focused = section.contains(document.activeElement) &&
    document.activeElement.getAttribute("href");
  section.innerHTML = html;
  section.dataset.version = version;
  if (!focused) return;
  const again = [...section.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused);
  if (again) again.focus({ preventScroll: true });
});
`;
