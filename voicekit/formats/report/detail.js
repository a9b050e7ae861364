// The sound round the moment that is played, with its words: a tape that runs under a fixed head.
const detail = find("#detail"), caption = "13px system-ui, sans-serif";
const LINES = 4, LINE = 18, HEAD = 0.35;
const view = {from: 0, seconds: 30, width: 0};
const paragraphs = new Map(); // by segment: where its words stand, until the width changes

// As much as fits with words that can be read, and half a minute at most.
function look() {
  const width = detail.clientWidth || 1;
  if (width !== view.width) { view.width = width; paragraphs.clear(); }
  view.seconds = Math.min(Math.max(6, width / 42), 30, duration);
  view.from = Math.min(Math.max(0, player.moment - view.seconds * HEAD), duration - view.seconds);
}
const xOf = (moment) => (moment - view.from) / view.seconds * view.width;

// A sentence is set as a small paragraph as wide as its time: half a minute can be read like that, while words that
// each stand at their own moment would not fit. A short one may reach over the pause behind it.
function paragraph(pen, index) {
  const segment = segments[index], scale = view.width / view.seconds;
  const next = segments[segmentsByTime[segmentsByTime.indexOf(index) + 1]];
  const room = (Math.max(segment.end, next ? next.start : duration) - segment.start) * scale - 6;
  const rtl = segment.element.closest("p").dir === "rtl", gap = pen.measureText(" ").width, placed = [];
  let x = 0, line = 0;
  for (let word = segment.first; word < segment.last; word++) {
    const text = words[word].textContent, width = pen.measureText(text).width;
    const apart = words[word].previousSibling ? gap : 0;
    if (x && x + apart + width > room) { x = 0; line++; } else if (x) { x += apart; }
    placed.push({word, text, x: rtl ? Math.max(room, width) - x - width : x, width, line});
    x += width;
  }
  return placed;
}

function drawTicks(pen, height) {
  const gap = view.seconds > 20 ? 5 : view.seconds > 8 ? 2 : 1;
  pen.fillStyle = colourOf("--muted");
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "top";
  for (let at = Math.ceil(view.from / gap) * gap; at < view.from + view.seconds; at += gap) {
    pen.globalAlpha = 0.25;
    pen.fillRect(Math.round(xOf(at)), 0, 1, height);
    pen.globalAlpha = 1;
    pen.fillText(clock(at), Math.round(xOf(at)) + 4, 5);
  }
}

function drawSound(pen, top, height) {
  const loud = levels(), colours = new Map(), middle = top + height / 2, pitch = 3;
  const first = Math.floor(view.from / view.seconds * view.width / pitch);
  for (let column = first; column * pitch <= first * pitch + view.width + pitch; column++) {
    const from = column * pitch / view.width * view.seconds, to = from + pitch / view.width * view.seconds;
    let most = 0;
    for (let at = Math.floor(from / data.levelStep); at <= to / data.levelStep && at < loud.length; at++) {
      most = Math.max(most, loud[at]);
    }
    const [speaker, other] = talkers(from, to);
    for (const one of [speaker, other]) if (!colours.has(one)) colours.set(one, speakerColour(one));
    const half = Math.max(0.75, most / 255 * height / 2);
    pen.globalAlpha = speaker < 0 && data.turns.length ? 0.5 : 1;
    pen.fillStyle = data.turns.length ? colours.get(speaker) : colourOf("--track0");
    pen.fillRect(xOf(from), middle - half, 2, half * 2);
    if (other >= 0) {
      pen.fillStyle = colours.get(other);
      pen.fillRect(xOf(from), middle, 2, half);
    }
  }
  pen.globalAlpha = 1;
}

function drawGaps(pen, height) {
  if (!data.gaps.length) return;
  pen.fillStyle = hatching(pen, colourOf("--bad"));
  for (const [start, end] of data.gaps) {
    const from = xOf(start / 1000), to = xOf(end / 1000);
    if (to > 0 && from < view.width) pen.fillRect(from, 0, to - from, height);
  }
}

function drawWords(pen, top) {
  pen.font = caption;
  pen.textBaseline = "middle";
  const now = wordAt(player.moment), to = view.from + view.seconds;
  // Long sentences reach back into the view, hence a minute more.
  for (let place = Math.max(0, segmentPlace(view.from - 60)); place < segmentsByTime.length; place++) {
    const index = segmentsByTime[place], segment = segments[index];
    if (segment.start > to) break;
    if (segment.end < view.from - 1) continue;
    if (!paragraphs.has(index)) paragraphs.set(index, paragraph(pen, index));
    drawParagraph(pen, top, index, now);
  }
}

function drawParagraph(pen, top, index, now) {
  const placed = paragraphs.get(index), segment = segments[index], colour = speakerColour(segment.speaker);
  // Where there are more lines than room, those round the word that is said are shown.
  const said = placed.find((one) => one.word === now), last = placed.length ? placed[placed.length - 1].line : 0;
  const skipped = said ? Math.min(Math.max(0, said.line - LINES + 2), Math.max(0, last - LINES + 1)) : 0;
  for (const {word, text, x, width, line} of placed) {
    if (line < skipped || line >= skipped + LINES) continue;
    const left = xOf(segment.start) + x, y = top + (line - skipped + 0.5) * LINE;
    if (word === now && segment.timed) {
      pen.fillStyle = colourOf("--now");
      pen.fillRect(left - 3, y - LINE / 2, width + 6, LINE);
      pen.fillStyle = colourOf("--now-text");
    } else {
      pen.fillStyle = colour;
    }
    pen.fillText(text, left, y);
  }
}

const shown = (element) => {
  const box = element.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight && box.width > 0;
};
function drawDetail() {
  look();
  if (!shown(detail)) return;
  const {pen, height} = surface(detail), text = LINES * LINE + 8;
  drawTicks(pen, height - text);
  drawSound(pen, 24, height - text - 28);
  drawWords(pen, height - text);
  drawGaps(pen, height - text);
  pen.fillStyle = colourOf("--text");
  pen.fillRect(Math.round(xOf(player.moment)) - 1, 0, 2, height);
}
for (const kind of ["moment", "sound", "look"]) watch(kind, drawDetail);

// A tap goes to a moment; a drag pulls the tape.
function tape(element) {
  let drag = null;
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    drag = {x: event.clientX, moment: player.moment, moved: false};
  });
  element.addEventListener("pointermove", (event) => {
    if (!drag || (!drag.moved && Math.abs(event.clientX - drag.x) < 4)) return;
    drag.moved = true;
    seek(drag.moment - (event.clientX - drag.x) / view.width * view.seconds);
  });
  element.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved) {
      follow(true);
      playFrom(view.from + (event.clientX - element.getBoundingClientRect().left) / view.width * view.seconds);
    }
    drag = null;
  });
  element.addEventListener("pointercancel", () => { drag = null; });
}
tape(detail);
let scrolling = 0;
addEventListener("scroll", () => {
  cancelAnimationFrame(scrolling);
  scrolling = requestAnimationFrame(drawDetail);
}, {passive: true});
