// What the page knows: the recording, its segments and words, and the elements that show them.
document.documentElement.classList.add("script");
const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
const data = JSON.parse(find("#data").textContent);
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// Words as arrays, not as objects: a day's recording has a quarter of a million of them.
const words = findAll("#transcript .seg > span");
const starts = new Float64Array(words.length);
const ends = new Float64Array(words.length);
const segmentOf = new Uint32Array(words.length);
const sure = new Int16Array(words.length).fill(-1);
const segments = [];

(() => {
  const elements = findAll("#transcript .seg");
  const known = bytes(data.sure);
  let word = 0, timed = 0, start = 0, wordStart = 0;
  for (let at = 0; at < data.segments.length; at += 5) {
    const [step, length, speaker, count, ownTimes] = data.segments.slice(at, at + 5);
    start += step;
    const segment = {start: start / 1000, end: (start + length) / 1000, speaker, first: word, last: word + count,
      timed: ownTimes === 1, element: elements[segments.length]};
    for (; word < segment.last; word++) {
      segmentOf[word] = segments.length;
      if (segment.timed) {
        wordStart += data.words[2 * timed];
        starts[word] = wordStart / 1000;
        ends[word] = (wordStart + data.words[2 * timed + 1]) / 1000;
        sure[word] = known[timed++];
      } else {
        starts[word] = segment.start;
        ends[word] = segment.end;
      }
    }
    segments.push(segment);
  }
})();
const duration = Math.max(data.duration, ...segments.slice(-1).map((segment) => segment.end), 0.001);
const indexOf = new Map(words.map((element, index) => [element, index]));
// Speakers interrupt each other, so order on the page is not always order in time.
const inTime = (indices, timeOf) => [...indices].sort((one, other) => timeOf(one) - timeOf(other) || one - other);
const byTime = inTime(words.keys(), (word) => starts[word]);
const segmentsByTime = inTime(segments.keys(), (index) => segments[index].start);

// The last place of a sorted list whose time is not after a moment; -1 before the first.
function placeAt(order, timeOf, moment) {
  let low = 0, high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(order[middle]) <= moment + 1e-6) low = middle + 1; else high = middle;
  }
  return low - 1;
}
const wordPlace = (moment) => placeAt(byTime, (word) => starts[word], moment);
const segmentPlace = (moment) => placeAt(segmentsByTime, (index) => segments[index].start, moment);

// The word that is said at a moment, or just was: between two words the last one stays, but not through a pause.
function wordAt(moment) {
  const word = byTime[wordPlace(moment)];
  return word !== undefined && moment < ends[word] + 0.3 ? word : -1;
}
function segmentAt(moment) {
  const word = wordAt(moment);
  if (word >= 0) return segmentOf[word];
  const index = segmentsByTime[segmentPlace(moment)];
  return index !== undefined && moment < segments[index].end + 0.3 ? index : -1;
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

// Who wants to know: functions that are called when the moment, the sound, or what the page looks like has changed.
const watchers = {moment: [], sound: [], look: []};
const watch = (kind, watcher) => watchers[kind].push(watcher);
const tell = (kind) => watchers[kind].forEach((watcher) => watcher());

const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const speakerColour = (speaker) => colourOf(speaker < 0 ? "--muted" : `--s${speaker % data.colours}`);

// What the reader chose, kept where the browser allows it: a page from a file may be refused a memory.
const memory = {
  get(key) { try { return localStorage.getItem(`voicekit-${key}`); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(`voicekit-${key}`, value); } catch { /* it is forgotten, no more */ } },
};
