// The whole recording in a strip: how loud, who speaks, what is missing, what was found, and where we are.
const CELL = 0.1; // seconds: the grain in which it is known who speaks
const talker = new Int16Array(Math.ceil(duration / CELL) + 1).fill(-1);
const second = new Int16Array(talker.length).fill(-1);
for (let at = 0; at < data.turns.length; at += 3) {
  const [start, end, speaker] = data.turns.slice(at, at + 3);
  const last = Math.min(Math.ceil(end / 1000 / CELL), talker.length);
  for (let cell = Math.floor(start / 1000 / CELL); cell < last; cell++) {
    if (talker[cell] >= 0 && talker[cell] !== speaker) second[cell] = speaker; else talker[cell] = speaker;
  }
}

// Without a measured sound the strip is as high as there is speech, which is less, but true.
const spoken = new Uint8Array(Math.ceil(duration / data.levelStep) + 1);
for (const segment of segments) {
  const first = Math.floor(segment.start / data.levelStep);
  spoken.fill(140, first, Math.min(Math.ceil(segment.end / data.levelStep), spoken.length));
}
for (const track of data.tracks) {
  for (const key of ["levels", "pitch", "energy"]) track[key] = bytes(track[key]);
}
const levels = () => (data.tracks[player.track].levels.length ? data.tracks[player.track].levels : spoken);

// A drawing surface with as many points as the screen has; everything is then drawn in CSS pixels.
function surface(canvas) {
  const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, box.width, box.height);
  return {pen, width: box.width, height: box.height};
}

function hatching(pen, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const draw = tile.getContext("2d");
  draw.strokeStyle = colour;
  draw.lineWidth = 2;
  draw.beginPath();
  for (const shift of [-8, 0, 8]) { draw.moveTo(shift, 8); draw.lineTo(shift + 8, 0); }
  draw.stroke();
  return pen.createPattern(tile, "repeat");
}

// Who speaks most between two moments, and whether somebody else does at the same time.
function talkers(from, to) {
  const counts = new Map();
  let other = -1;
  for (let cell = Math.floor(from / CELL); cell <= Math.min(Math.floor(to / CELL), talker.length - 1); cell++) {
    if (talker[cell] >= 0) counts.set(talker[cell], (counts.get(talker[cell]) || 0) + 1);
    if (second[cell] >= 0) other = second[cell];
  }
  const most = [...counts].sort((one, next) => next[1] - one[1])[0];
  return [most ? most[0] : -1, most && other !== most[0] ? other : -1];
}

const overview = find("#overview"), strip = find("canvas", overview), head = find(".head", overview);
const hover = find(".hover", overview);
let hitMoments = [];

function bars(width, pitch) {
  const loud = levels(), heights = [];
  for (let x = 0; x < width; x += pitch) {
    const first = Math.floor(x / width * duration / data.levelStep);
    const last = Math.max(first + 1, Math.floor((x + pitch) / width * duration / data.levelStep));
    let sum = 0, count = 0;
    for (let at = first; at < last && at < loud.length; at++) { sum += loud[at]; count++; }
    heights.push(count ? sum / count : 0);
  }
  // Peaks are all alike over many seconds: means tell more, and are scaled to be seen.
  const most = Math.max(...heights, 1), least = Math.min(...heights.filter((height) => height > most / 5), most);
  return heights.map((height) => Math.max(0.04, height < least ? 0.15 * height / least
    : 0.15 + 0.85 * (height - least) / Math.max(most - least, 1)));
}

function drawOverview() {
  const {pen, width, height} = surface(strip);
  if (!width) return;
  const pitch = 3, middle = height / 2, colours = new Map();
  const colour = (speaker) => {
    if (!colours.has(speaker)) colours.set(speaker, data.turns.length ? speakerColour(speaker) : colourOf("--track0"));
    return colours.get(speaker);
  };
  bars(width, pitch).forEach((level, number) => {
    const x = number * pitch, half = Math.max(0.75, level * (middle - 3));
    const [most, other] = talkers(x / width * duration, (x + pitch) / width * duration);
    pen.fillStyle = colour(most);
    pen.globalAlpha = most < 0 && data.turns.length ? 0.5 : 1;
    pen.fillRect(x, middle - half, pitch - 1, half * 2);
    if (other >= 0) {
      pen.fillStyle = colour(other);
      pen.fillRect(x, middle, pitch - 1, half);
    }
  });
  pen.globalAlpha = 1;
  if (data.gaps.length) {
    pen.fillStyle = hatching(pen, colourOf("--bad"));
    for (const [start, end] of data.gaps) {
      const x = start / 1000 / duration * width, wide = Math.max(6, (end - start) / 1000 / duration * width);
      pen.clearRect(x - 1, 0, wide + 2, height);
      pen.fillRect(x, 1, wide, height - 2);
    }
  }
  pen.fillStyle = colourOf("--text");
  for (const moment of hitMoments) pen.fillRect(Math.round(moment / duration * width), height - 5, 1.5, 5);
  placeHead();
}

function placeHead() {
  head.style.transform = `translateX(${player.moment / duration * overview.clientWidth}px)`;
  const whole = Math.floor(player.moment);
  if (overview.getAttribute("aria-valuenow") !== String(whole) || !overview.hasAttribute("aria-valuetext")) {
    const index = segmentAt(player.moment), speaker = index >= 0 ? data.speakers[segments[index].speaker] : undefined;
    overview.setAttribute("aria-valuenow", String(whole));
    overview.setAttribute("aria-valuetext", `${clock(whole)} of ${clock(duration)}${speaker ? `, ${speaker}` : ""}`);
  }
}
overview.setAttribute("aria-valuemax", String(Math.floor(duration)));
watch("moment", placeHead);
watch("sound", drawOverview);
watch("look", drawOverview);

// A place on an element that is as wide as the recording is long.
function momentUnder(event, element) {
  const box = element.getBoundingClientRect();
  return Math.min(Math.max(0, (event.clientX - box.left) / box.width), 1) * duration;
}
overview.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  overview.setPointerCapture(event.pointerId);
  follow(true);
  seek(momentUnder(event, overview));
});
overview.addEventListener("pointermove", (event) => {
  const moment = momentUnder(event, overview);
  overview.classList.toggle("pointed", event.pointerType !== "touch" || overview.hasPointerCapture(event.pointerId));
  hover.textContent = clock(moment);
  hover.style.left = `${moment / duration * 100}%`;
  if (overview.hasPointerCapture(event.pointerId)) seek(moment);
});
for (const end of ["pointerleave", "pointercancel", "pointerup"]) {
  overview.addEventListener(end, () => overview.classList.remove("pointed"));
}
overview.addEventListener("keydown", (event) => {
  const steps = {ArrowUp: STEP, ArrowDown: -STEP, PageUp: 60, PageDown: -60};
  const places = {Home: 0, End: duration};
  if (event.key in steps) seek(player.moment + steps[event.key]);
  else if (event.key in places) seek(places[event.key]);
  else return;
  event.preventDefault();
  event.stopPropagation();
});
for (const lanes of findAll(".lanes[data-whole]")) {
  for (const lane of findAll(".lane:not(.axis) svg", lanes)) {
    lane.addEventListener("click", (event) => {
      const box = lane.getBoundingClientRect();
      playFrom((event.clientX - box.left) / box.width * +lanes.dataset.whole);
    });
  }
}

let waiting = 0;
function lookAgain() {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => tell("look"));
}
new ResizeObserver(lookAgain).observe(document.documentElement);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", lookAgain);
