/** The style sheet and the script of the status page, which loads nothing else. */

/** Light and dark, with tables that become cards on phones. */
export const styleSheet = `
:root { color-scheme: light dark; --back: #fff; --fore: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --good: #1a7f37; --waiting: #7d5600; --bad: #b42318; --neutral: #57606a; --link: #0550ae; }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --fore: #e6edf3; --soft: #9ba6b2; --line: #30363d;
    --good: #56d364; --waiting: #e3b341; --bad: #ff8a80; --neutral: #9ba6b2; --link: #79b8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 0 1rem 3rem; background: var(--back);
  color: var(--fore); font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: break-word; }
header, footer { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; }
header > * { min-width: 0; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 1rem 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { position: static; }
nav.sections { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
caption { text-align: left; color: var(--soft); padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
td { overflow-wrap: anywhere; min-width: 5.5rem; }
td.name { min-width: 9rem; } td.long { min-width: 16rem; }
td.figures { font-variant-numeric: tabular-nums; }
.badge { display: inline-block; padding: 0 .5em; border: 1px solid; border-radius: 1em;
  font-size: .85em; white-space: nowrap; }
.badge.long { white-space: normal; border-radius: .5em; }
.good { color: var(--good); } .waiting { color: var(--waiting); } .bad { color: var(--bad); }
.neutral { color: var(--neutral); }
.problems, .steps .failed { color: var(--bad); }
form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; margin: 1rem 0 0; }
label { display: block; font-size: .85rem; color: var(--soft); }
input, select, button { font: inherit; padding: .35rem .5rem; min-height: 2.5rem; max-width: 100%; }
meter { width: 6rem; vertical-align: middle; }
svg { width: 100%; height: 4rem; border-bottom: 1px solid var(--line); }
rect.issued { fill: var(--good); } rect.renewed { fill: var(--neutral); }
rect.denied, rect.failed { fill: var(--bad); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .25rem 1rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.steps li { margin: .4rem 0; } .steps b { margin-right: .5em; }
.soft { color: var(--soft); }
@media (max-width: 45rem) {
  thead { position: absolute; left: -100rem; height: 1px; overflow: hidden; }
  table, caption, tbody, tr, td { display: block; }
  tr { padding: .5rem 0; border-bottom: 1px solid var(--line); }
  td { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: .5rem; border: 0; padding: .1rem 0;
    min-width: 0 !important; }
  td::before { content: attr(data-label); color: var(--soft); }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin-bottom: .5rem; }
}
`;

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
