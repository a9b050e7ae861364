// Search: over the borders of words, whatever the case, the accents and the punctuation.
const query = find("#query"), hitsText = find("#hits"), filter = find("#speaker");
const search = {hits: [], chosen: -1, marked: []};

// Accents of Latin, Greek and Cyrillic letters (so that ё is е), Hebrew points and Arabic vowels go; й stays a letter
// of its own, and so do the vowel signs of Indian scripts, without which words would be others.
function plain(text) {
  return text.normalize("NFC").toLowerCase().replace(/[^й]+/g, (part) => part.normalize("NFD"))
    .replace(/[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640'’ʼ`]/g, "")
    .replace(/ß/g, "ss").replace(/[^\p{L}\p{M}\p{N}]+/gu, " ").trim();
}

// All words as one text, and for every character of it the word that it belongs to. Made when it is first asked for.
let index = null;
function indexed() {
  if (index) return index;
  const parts = [], owners = [];
  words.forEach((element, word) => {
    const text = plain(element.textContent);
    if (!text) return;
    const apart = element.previousSibling || word === segments[segmentOf[word]].first;
    const part = (apart && parts.length ? " " : "") + text;
    parts.push(part);
    for (let count = part.length; count > 0; count--) owners.push(word);
  });
  index = {text: parts.join(""), owners};
  return index;
}

const chosenSpeaker = () => (filter && filter.value !== "" ? +filter.value : null);
function hitsOf(wanted) {
  const hits = [], speaker = chosenSpeaker(), {text, owners} = indexed();
  if (!wanted) return hits;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const first = owners[at], last = owners[at + wanted.length - 1];
    if (speaker === null || segments[segmentOf[first]].speaker === speaker) hits.push([first, last]);
  }
  return hits;
}

function unmark() {
  for (const word of search.marked) words[word].classList.remove("hit", "chosen");
  search.marked = [];
}
function lookFor() {
  const wanted = plain(query.value);
  unmark();
  search.hits = hitsOf(wanted);
  search.chosen = -1;
  for (const [first, last] of search.hits) {
    for (let word = first; word <= last; word++) { words[word].classList.add("hit"); search.marked.push(word); }
  }
  hitMoments = search.hits.map(([first]) => starts[first]);
  drawOverview();
  find("#search").classList.toggle("found", search.hits.length > 0);
  if (search.hits.length) chooseHit(0);
  else hitsText.textContent = wanted ? "no hits" : "";
}
function chooseHit(number) {
  const set = (on) => {
    const [first, last] = search.hits[search.chosen] || [0, -1];
    for (let word = first; word <= last; word++) words[word].classList.toggle("chosen", on);
  };
  set(false);
  search.chosen = (number + search.hits.length) % search.hits.length;
  set(true);
  hitsText.textContent = `${search.chosen + 1} of ${search.hits.length.toLocaleString("en")}`;
  if (player.playing) follow(false);
  bring(words[search.hits[search.chosen][0]]);
}
function nextHit(step) {
  flush();
  if (search.hits.length) chooseHit(search.chosen + step);
}

let pending = 0;
function flush() {
  if (!pending) return;
  clearTimeout(pending);
  pending = 0;
  lookFor();
}
query.addEventListener("input", () => {
  clearTimeout(pending);
  pending = setTimeout(flush, 90);
});
query.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    query.value = "";
    lookFor();
    query.blur();
  } else if (event.key === "Enter") {
    const fresh = pending !== 0;
    // The first Enter after typing shows the first hit, which is already there.
    if (fresh) flush(); else nextHit(event.shiftKey ? -1 : 1);
  } else {
    return;
  }
  event.preventDefault();
});
find("#search").addEventListener("submit", (event) => { event.preventDefault(); nextHit(1); });
find("#previous-hit").addEventListener("click", () => nextHit(-1));

filter?.addEventListener("change", () => {
  const speaker = chosenSpeaker();
  for (const passage of findAll(".passage", transcript)) {
    const first = find(".seg", passage);
    const hidden = speaker !== null && segments[+first.id.slice(1)].speaker !== speaker;
    passage.classList.toggle("away", hidden);
  }
  lookFor();
});
