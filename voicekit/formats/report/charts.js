// Pitch and energy of the original and of the new voice, one over the other, over the same seconds as the tape.
const [lowest, highest] = data.pitchRange;
const hertz = (byte) => (byte ? lowest * 2 ** ((byte - 1) / 254 * Math.log2(highest / lowest)) : NaN);
const decibel = (byte) => data.quietest * (1 - byte / 255);
const CHARTS = [
  {canvas: find("#pitch"), key: "pitch", value: hertz, unit: "Hz", marks: [50, 100, 200, 400], from: 45, to: 520,
    place: Math.log2},
  {canvas: find("#energy"), key: "energy", value: decibel, unit: "dB", marks: [-60, -40, -20], from: -75, to: 0,
    place: (level) => level},
].filter((chart) => chart.canvas);

function drawChart(chart) {
  if (!shown(chart.canvas)) return;
  const {pen, width, height} = surface(chart.canvas);
  const low = chart.place(chart.from), high = chart.place(chart.to);
  const y = (value) => height - (chart.place(value) - low) / (high - low) * height;
  const x = (moment) => (moment - view.from) / view.seconds * width;
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "bottom";
  for (const mark of chart.marks) {
    pen.fillStyle = colourOf("--line");
    pen.fillRect(0, Math.round(y(mark)), width, 1);
    pen.fillStyle = colourOf("--muted");
    pen.fillText(`${mark} ${chart.unit}`, 6, y(mark) - 1);
  }
  data.tracks.forEach((track, number) => {
    pen.strokeStyle = colourOf(number ? "--track1" : "--track0");
    pen.lineWidth = number ? 2 : 3.5;
    pen.setLineDash(number ? [7, 3] : []);
    pen.globalAlpha = number ? 1 : 0.75;
    pen.lineJoin = "round";
    pen.beginPath();
    let drawn = false;
    const first = Math.max(0, Math.floor(view.from / data.contourStep) - 1);
    const last = Math.min(track[chart.key].length, Math.ceil((view.from + view.seconds) / data.contourStep) + 2);
    for (let at = first; at < last; at++) {
      const value = chart.value(track[chart.key][at]);
      if (Number.isNaN(value)) { drawn = false; continue; }
      if (drawn) pen.lineTo(x(at * data.contourStep), y(value)); else pen.moveTo(x(at * data.contourStep), y(value));
      drawn = true;
    }
    pen.stroke();
  });
  pen.globalAlpha = 1;
  pen.setLineDash([]);
  pen.fillStyle = colourOf("--text");
  pen.fillRect(Math.round(x(player.moment)) - 1, 0, 2, height);
}
const drawCharts = () => CHARTS.forEach(drawChart);
if (CHARTS.length) {
  for (const kind of ["moment", "sound", "look"]) watch(kind, drawCharts);
  addEventListener("scroll", () => requestAnimationFrame(drawCharts), {passive: true});
  CHARTS.forEach((chart) => tape(chart.canvas));
}
