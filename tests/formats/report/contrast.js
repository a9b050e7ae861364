// Every text that can be seen and whose contrast with what is behind it is too low, as WCAG 2.2 (1.4.3) counts it.
() => {
  const channel = (value) => { const c = value / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = (text) => { const n = text.match(/[\d.]+/g).map(Number); return [n.slice(0, 3), n.length > 3 ? n[3] : 1]; };
  const over = (top, alpha, under) => top.map((value, at) => value * alpha + under[at] * (1 - alpha));
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) {
      const [colour, alpha] = parse(getComputedStyle(one).backgroundColor);
      layers.push([colour, alpha]);
      if (alpha === 1) break;
    }
    return layers.reverse().reduce((under, [colour, alpha]) => over(colour, alpha, under), [255, 255, 255]);
  };
  const bad = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest("script, style, .unseen, [hidden], .hover, .skip")) continue;
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const paint = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [colour, alpha] = parse(paint), behind = ground(element);
    const pair = [light(over(colour, alpha, behind)), light(behind)].sort((one, other) => other - one);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && +style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) bad.set(`${element.tagName}.${element.className.baseVal ?? element.className} ${paint} ${behind} ${ratio.toFixed(2)}`, 1);
  }
  return [...bad.keys()];
}
