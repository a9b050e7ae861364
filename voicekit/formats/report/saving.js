// What the reader changes and takes along: the theme, the shading, the text as a file, the command.
const THEMES = {"": "Auto", light: "Light", dark: "Dark"};
function theme(name) {
  if (name) document.documentElement.dataset.theme = name; else delete document.documentElement.dataset.theme;
  find("#theme-name").textContent = THEMES[name];
  find("#theme").setAttribute("aria-label", `Theme: ${name || "as the system"}`);
  memory.set("theme", name);
  lookAgain();
}
find("#theme").addEventListener("click", () => {
  const names = Object.keys(THEMES), now = document.documentElement.dataset.theme || "";
  theme(names[(names.indexOf(now) + 1) % names.length]);
});
if (memory.get("theme") in THEMES) theme(memory.get("theme"));

const shading = find("#shading");
function shade(on) {
  shading.checked = on;
  transcript.classList.toggle("unshaded", !on);
  memory.set("shading", on ? "" : "off");
}
if (shading) {
  shading.addEventListener("change", () => shade(shading.checked));
  if (memory.get("shading") === "off") shade(false);
}

const said = (segment) => segment.element.textContent.trim();
const speakerName = (segment) => data.speakers[segment.speaker];
function asText() {
  return findAll(".passage", transcript).map((passage) => {
    const text = find("p", passage).textContent.trim(), name = find(".who", passage)?.textContent;
    return text ? `${name ? `${name}: ` : ""}${text}\n` : "";
  }).join("");
}
function asSubtitles() {
  const time = (seconds) => new Date(Math.round(seconds * 1000)).toISOString().slice(11, 23).replace(".", ",");
  return segments.filter(said).map((segment, number) => {
    const name = speakerName(segment), text = `${name ? `${name}: ` : ""}${said(segment)}`.replace(/--+>/g, "->");
    return `${number + 1}\n${time(segment.start)} --> ${time(segment.end)}\n${text}\n`;
  }).join("\n");
}
for (const button of findAll("[data-save]")) {
  button.addEventListener("click", () => {
    const kind = button.dataset.save, link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([kind === "srt" ? asSubtitles() : asText()], {type: "text/plain"}));
    link.download = `${data.title.replace(/\.[^.]*$/, "") || "transcript"}.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
}

find("#copy").addEventListener("click", async (event) => {
  const button = event.currentTarget, code = find("#command");
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    // Without the right to write there, the reader's own keys still can.
    getSelection().selectAllChildren(code);
    button.textContent = "Selected: press Ctrl+C";
  }
  setTimeout(() => { button.textContent = "Copy the command"; }, 3000);
});
