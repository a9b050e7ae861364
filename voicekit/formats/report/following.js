// The transcript in step with the sound: the word that is said is marked and kept in sight, and a click plays from it.
const current = {word: -1, segment: -1};
const followButton = find("#follow"), finder = find(".finder"), dock = find("#dock");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let following = true;

function follow(on) {
  following = on;
  followButton.hidden = on;
}

// Between the bar above and the player below.
function inSight(element) {
  const box = element.getBoundingClientRect();
  const low = dock.getBoundingClientRect().top, high = Math.max(0, finder.getBoundingClientRect().bottom);
  return box.top >= high && box.bottom <= low;
}
function bring(element) {
  if (!element || !element.offsetParent || inSight(element)) return;
  const top = element.getBoundingClientRect().top - innerHeight * 0.35;
  scrollBy({top, behavior: calm.matches || Math.abs(top) > 2 * innerHeight ? "instant" : "smooth"});
  // Passages that were never shown have a guessed height, which is corrected on the way: look again.
  if (Math.abs(top) > innerHeight) {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (!inSight(element)) element.scrollIntoView({block: "center", behavior: "instant"});
    }));
  }
}

function mark(kind, elements, index) {
  if (current[kind] === index) return false;
  elements(current[kind])?.classList.remove("current");
  elements(index)?.classList.add("current");
  current[kind] = index;
  return index >= 0;
}
function keepUp() {
  const segment = segmentAt(player.moment);
  let word = wordAt(player.moment);
  if (word >= 0 && !segments[segmentOf[word]].timed) word = -1;
  const moved = mark("segment", (index) => segments[index]?.element, segment);
  const said = mark("word", (index) => words[index], word);
  const free = wanted || (player.playing && performance.now() > handUntil);
  if (following && (moved || said) && free) bring(words[word] || segments[segment]?.element);
}
let wanted = false; // whether the reader asked for another moment, so that the page goes there though nothing plays
watch("moment", keepUp);

function go(moment) {
  wanted = true;
  follow(true);
  seek(moment);
  bring(words[current.word] || segments[current.segment]?.element);
  wanted = false;
}
function goSegment(step) {
  const place = segmentPlace(player.moment);
  const index = segmentsByTime[place];
  // Back goes to the start of this one first, as players do.
  const back = step < 0 && index !== undefined && player.moment - segments[index].start > 1.5 ? 0 : step;
  const next = segmentsByTime[Math.min(Math.max(0, place + back), segmentsByTime.length - 1)];
  if (next !== undefined) go(segments[next].start);
}
function goWord(step) {
  const next = byTime[Math.min(Math.max(0, wordPlace(player.moment) + step), byTime.length - 1)];
  if (next !== undefined) go(starts[next]);
}

const transcript = find("#transcript");
transcript.addEventListener("click", (event) => {
  const word = indexOf.get(event.target.closest(".seg > span"));
  // Who drags over words wants to copy them.
  if (word === undefined || !getSelection().isCollapsed) return;
  follow(true);
  playFrom(starts[word]);
});
transcript.addEventListener("mouseover", (event) => {
  const word = indexOf.get(event.target.closest(".seg > span"));
  if (word === undefined || event.target.title) return;
  event.target.title = clock(starts[word]) + (sure[word] >= 0 ? `, probability ${sure[word]} %` : "");
});

// Times are links: to play from here, and to send somebody to this moment.
for (const link of findAll("a.at")) {
  const number = link.getAttribute("href")?.slice(2);
  const moment = number === undefined ? +link.dataset.at : segments[+number].start;
  link.href = `#t=${Math.round(moment * 100) / 100}`;
}
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (!link.matches(".at")) { // to another part of the page: who goes there wants to stay
    if (player.playing) follow(false);
    return;
  }
  event.preventDefault();
  follow(true);
  playFrom(+link.hash.slice(3));
  try { history.replaceState(null, "", link.hash); } catch { /* some pages may not have an address */ }
});
function goToAddress() {
  const moment = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash), segment = /^#s(\d+)$/.exec(location.hash);
  if (moment) go(+moment[1]);
  else if (segment && segments[+segment[1]]) go(segments[+segment[1]].start);
}
addEventListener("hashchange", goToAddress);

// Who scrolls away while it plays is left in peace, and can come back with the button. Browsers scroll a while after
// the hand moved, so what scrolls soon after it counts as the reader's doing.
let handUntil = 0;
const hand = () => { handUntil = performance.now() + 600; };
addEventListener("wheel", hand, {passive: true});
addEventListener("touchmove", hand, {passive: true});
addEventListener("keydown", (event) => {
  if (["PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown"].includes(event.key)) hand();
});
addEventListener("pointerdown", (event) => { if (event.target === document.documentElement) hand(); });
addEventListener("scroll", () => {
  if (performance.now() > handUntil) return;
  hand();
  const element = words[current.word] || segments[current.segment]?.element;
  if (player.playing && following && element && !inSight(element)) follow(false);
}, {passive: true});
followButton.addEventListener("click", () => go(player.moment));
