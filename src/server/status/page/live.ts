/**
 * The status page's only script: takes sections that changed from the server and puts them in
 * place, without moving the keyboard's focus. Without it the page is the same, as of its loading.
 */
export const live = `
const note = document.getElementById("live");
const page = location.pathname + location.search;
const source = new EventSource("/events?" + new URLSearchParams({ page }));
const tell = (text) => { if (note.textContent !== text) note.textContent = text; };
source.addEventListener("open", () => tell("Updates by itself."));
source.addEventListener("error", () => {
  tell("Not connected: as of " + new Date().toLocaleTimeString() + ".");
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
