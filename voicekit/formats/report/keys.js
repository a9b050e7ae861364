// Everything with the keyboard. Letters are also found by their place, so that they work in any layout.
const speeds = findAll("#speed option").map((option) => +option.value);
function changeSpeedBy(step) {
  const at = speeds.indexOf(+find("#speed").value) + step;
  changeSpeed(speeds[Math.min(Math.max(0, at), speeds.length - 1)]);
}
const KEYS = [
  ["Space", "play, pause", toggle],
  ["←", "5 seconds back", () => go(player.moment - STEP)],
  ["→", "5 seconds forward", () => go(player.moment + STEP)],
  ["K", "the sentence before", () => goSegment(-1)],
  ["J", "the next sentence", () => goSegment(1)],
  ["H", "the word before", () => goWord(-1)],
  ["L", "the next word", () => goWord(1)],
  ["[", "slower", () => changeSpeedBy(-1)],
  ["]", "faster", () => changeSpeedBy(1)],
  ["O", "original or new voice", () => changeTrack((player.track + 1) % sounds.length)],
  ["F", "back to what is said, and follow it", () => go(player.moment)],
  ["/", "search", () => { query.focus(); query.select(); }],
  ["T", "theme", () => find("#theme").click()],
  ["?", "this list", () => help.showModal()],
].filter(([key]) => key !== "O" || sounds.length > 1);
const FIXED = [["Enter", "in the search: the next hit, with Shift the one before"], ["Esc", "leave the search"]];
const help = find("#help"), single = find("#single");
const CODES = {Slash: "/", BracketLeft: "[", BracketRight: "]"};
const NAMES = {" ": "Space", ArrowLeft: "←", ArrowRight: "→"};

const list = find("dl", help);
for (const [key, meaning] of [...KEYS, ...FIXED]) {
  const row = list.appendChild(document.createElement("div"));
  row.appendChild(document.createElement("dt")).appendChild(document.createElement("kbd")).textContent = key;
  row.appendChild(document.createElement("dd")).textContent = meaning;
}
find("#keys").addEventListener("click", () => help.showModal());
help.addEventListener("click", (event) => { if (event.target === help) help.close(); });
// Speech input types letters: single keys can be switched off (WCAG 2.1.4).
single.checked = memory.get("keys") !== "off";
single.addEventListener("change", () => memory.set("keys", single.checked ? "" : "off"));

function keyOf(event) {
  if (event.key in NAMES) return NAMES[event.key];
  if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) return "?";
  if (/^[a-z/[\]]$/i.test(event.key)) return event.key.toUpperCase();
  if (event.code in CODES && event.key.length === 1) return CODES[event.code];
  return /^Key[A-Z]$/.test(event.code) ? event.code.slice(3) : "";
}
addEventListener("keydown", (event) => {
  const {target} = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || help.open || !single.checked) return;
  if (target.closest?.("input:not([type=checkbox]), select, textarea")) return;
  const key = keyOf(event);
  // Space on a button presses it.
  if (key === "Space" && target.closest?.("button, summary, a, input")) return;
  const found = KEYS.find(([name]) => name === key);
  if (!found) return;
  event.preventDefault();
  found[2]();
});

tell("look");
tell("moment");
goToAddress();
