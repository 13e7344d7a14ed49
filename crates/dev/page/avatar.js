// Pictures of people and servers, drawn from their names: the same name always looks the same.

import { h } from './dom.js';

const SPACE = 'http://www.w3.org/2000/svg';

function hash(name) {
  let value = 2166136261;
  for (const letter of name) value = Math.imul(value ^ letter.codePointAt(0), 16777619);
  return value >>> 0;
}

function part(parent, tag, attributes) {
  const node = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  parent.append(node);
  return node;
}

function initials(name) {
  const words = name.trim().split(/[\s_\-.]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[1]].map((word) => [...word][0]) : [[...(words[0] ?? '?')][0]];
  return letters.join('').toUpperCase();
}

function drawn(name, kind) {
  const svg = document.createElementNS(SPACE, 'svg');
  svg.setAttribute('viewBox', '0 0 40 40');
  svg.setAttribute('aria-hidden', 'true');
  const seed = hash(name);
  const hue = seed % 360;
  part(svg, 'rect', { width: 40, height: 40, fill: `hsl(${hue} 46% 44%)` });
  const second = (hue + 36 + ((seed >> 9) % 60)) % 360;
  const [x, y] = [(seed >> 4) % 40, (seed >> 12) % 40];
  part(svg, 'circle', { cx: x, cy: y, r: 17 + ((seed >> 20) % 8), fill: `hsl(${second} 56% 54%)`, opacity: '.75' });
  const text = part(svg, 'text', {
    x: 20, y: 20, 'text-anchor': 'middle', 'dominant-baseline': 'central', fill: '#fff',
    'font-size': kind === 'server' ? 15 : 17, 'font-weight': 650, 'font-family': 'system-ui, sans-serif',
  });
  text.textContent = initials(name);
  return svg;
}

function lantern() {
  const svg = document.createElementNS(SPACE, 'svg');
  svg.setAttribute('viewBox', '0 0 64 64');
  svg.setAttribute('aria-hidden', 'true');
  part(svg, 'rect', { width: 64, height: 64, fill: '#2b2140' });
  part(svg, 'circle', { cx: 32, cy: 33, r: 25, fill: '#f5a94a', opacity: '.18' });
  part(svg, 'path', { d: 'M25 14h14v4H25zM24 45h16v4H24z', fill: '#f0d9b5' });
  part(svg, 'path', { d: 'M22 20h20c4 8 4 15 0 23H22c-4-8-4-15 0-23z', fill: '#f5a94a' });
  part(svg, 'path', { d: 'M32 23c5 6 6 9 6 12a6 6 0 0 1-12 0c0-3 2-5 3-6 0 2 1 3 2 3 2 0 1-5 1-9z', fill: '#fff3dc' });
  return svg;
}

/** Makes the picture of a user, a persona or a server. */
export function avatar(name, { url = null, isBot = false, kind = 'user' } = {}) {
  const frame = h('span', { class: `avatar ${kind}` });
  if (url) {
    const picture = h('img', { src: url, alt: '', loading: 'lazy', referrerpolicy: 'no-referrer' });
    picture.addEventListener('error', () => picture.replaceWith(drawn(name, kind)));
    frame.append(picture);
  } else {
    frame.append(isBot ? lantern() : drawn(name, kind));
  }
  return frame;
}

/** The colour in which a name is written; it fits both themes. */
export function nameHue(name) {
  return String(hash(name) % 360);
}
