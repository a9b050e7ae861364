// One moment of the recording, whatever is or is not there to play it; and the sounds that can be switched between.
const sounds = data.tracks.map((_, number) => find(`#sound${number}`));
const player = {track: 0, moment: 0, playing: false};
const sound = () => sounds[player.track];
const playable = (one) => one.hasAttribute("src") && !one.error;
const trouble = find("#trouble");
const choose = find("#choose"), file = find("#file");
const STEP = 5;

function say(text) {
  trouble.textContent = text;
  trouble.hidden = !text;
}

function seek(moment) {
  player.moment = Math.min(Math.max(0, moment), duration);
  // Before a sound is known the browser keeps this as the place to begin at.
  if (playable(sound())) sound().currentTime = player.moment;
  tell("moment");
}

function play() {
  const one = sound();
  if (!playable(one)) {
    needed();
    choose.focus();
    return;
  }
  if (player.moment >= duration - 0.05) seek(0);
  one.play().catch((error) => {
    // A pause, or another seek, while it was loading is nobody's trouble.
    if (error.name !== "AbortError") needed();
  });
}
const pause = () => sound().pause();
const toggle = () => (player.playing ? pause() : play());

function playFrom(moment) {
  seek(moment);
  if (playable(sound())) play();
}

function needed() {
  const name = data.tracks[player.track].name;
  say(`${name} is not beside this page. Choose the file, or drop it here, to hear it: it stays on this device.`);
  choose.classList.add("wanted");
}

function use(chosen) {
  const one = sound();
  if (one.src.startsWith("blob:")) URL.revokeObjectURL(one.src);
  one.src = URL.createObjectURL(chosen);
  one.load();
  choose.classList.remove("wanted");
  say("");
}

// Some browsers do not seek in a sound that is written in the page itself, or refuse to play it; they do in a copy.
function copied(one) {
  const [head, body] = one.getAttribute("src").split(",", 2);
  if (!/^data:[^,]*;base64$/.test(head)) return false;
  one.src = URL.createObjectURL(new Blob([bytes(body)], {type: head.slice(5).split(";")[0]}));
  return true;
}

function changeTrack(number) {
  if (number === player.track || !sounds[number]) return;
  const playing = player.playing;
  pause();
  player.track = number;
  for (const button of findAll("[data-track]")) {
    button.setAttribute("aria-pressed", String(+button.dataset.track === number));
  }
  choose.hidden = playable(sound());
  say("");
  seek(player.moment);
  if (playing) play();
  tell("sound");
}

function changeSpeed(speed) {
  for (const one of sounds) one.defaultPlaybackRate = one.playbackRate = speed;
  find("#speed").value = String(speed);
}

function step() {
  if (!player.playing) return;
  player.moment = Math.min(sound().currentTime, duration);
  tell("moment");
  requestAnimationFrame(step);
}

sounds.forEach((one, number) => {
  const mine = () => number === player.track;
  const state = (playing) => () => {
    if (!mine()) return;
    player.playing = playing;
    document.body.classList.toggle("playing", playing);
    find("#play").setAttribute("aria-label", playing ? "Pause" : "Play");
    if (playing) step(); else tell("moment");
  };
  one.addEventListener("play", state(true));
  one.addEventListener("pause", state(false));
  one.addEventListener("ended", state(false));
  // Frames stop while the page is hidden; the sound does not.
  one.addEventListener("timeupdate", () => {
    if (mine() && player.playing && document.hidden) { player.moment = one.currentTime; tell("moment"); }
  });
  one.addEventListener("loadedmetadata", () => {
    if (!mine()) return;
    choose.hidden = true;
    if (Math.abs(one.currentTime - player.moment) > 0.02) one.currentTime = player.moment;
    const other = Number.isFinite(one.duration) && Math.abs(one.duration - duration) > Math.max(2, duration / 50);
    say(other ? `The file lasts ${clock(one.duration)}, the recording ${clock(duration)}: it may be another one.` : "");
  });
  one.addEventListener("error", () => {
    if (one.src.startsWith("data:") && copied(one)) return;
    if (mine()) { choose.hidden = false; player.playing = false; document.body.classList.remove("playing"); }
  });
});

find("#play").addEventListener("click", toggle);
find("#back").addEventListener("click", () => seek(player.moment - STEP));
find("#forward").addEventListener("click", () => seek(player.moment + STEP));
find("#speed").addEventListener("change", (event) => changeSpeed(+event.target.value));
for (const button of findAll("[data-track]")) {
  button.addEventListener("click", () => changeTrack(+button.dataset.track));
}
choose.addEventListener("click", () => file.click());
file.addEventListener("change", () => { if (file.files[0]) use(file.files[0]); file.value = ""; });
choose.hidden = playable(sound());

addEventListener("dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (!event.dataTransfer.files[0]) return;
  event.preventDefault();
  use(event.dataTransfer.files[0]);
});

const nowText = find("#now");
find("#whole").textContent = clock(duration);
watch("moment", () => {
  const text = clock(player.moment);
  if (nowText.textContent !== text) nowText.textContent = text;
});
if ("mediaSession" in navigator && "MediaMetadata" in window) {
  navigator.mediaSession.metadata = new MediaMetadata({title: data.title});
  const jump = (seconds) => () => seek(player.moment + seconds);
  const keys = {play, pause, seekbackward: jump(-STEP), seekforward: jump(STEP)};
  for (const [key, act] of Object.entries(keys)) {
    try { navigator.mediaSession.setActionHandler(key, act); } catch { /* this browser has no such key */ }
  }
}
