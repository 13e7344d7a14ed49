// Turns the tree of a message's markdown into elements.

import { h, toast } from './dom.js';
import { icon } from './icons.js';
import { parse } from './markdown.js';
import { channelOf, nameOf, serverOf, state, tell, titleOf, userOf } from './state.js';
import { fullTime, stamp } from './time.js';

/** Makes the elements of a message's text. */
export function rendered(source) {
  return parse(source).map(block);
}

/** Tells whether there is nothing but a few emojis, which are shown large. */
export function isJumbo(source) {
  const emoji = /(?:<a?:\w+:\d+>|\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})?(?:\u200D\p{Extended_Pictographic}\uFE0F?)*|\p{Regional_Indicator}{2})/gu;
  const left = source.replace(emoji, '').trim();
  return left === '' && (source.match(emoji)?.length ?? 0) > 0 && source.match(emoji).length <= 12;
}

function block(node) {
  if (node.type === 'code') return code(node);
  if (node.type === 'heading') return h(`h${node.level + 2}`, { class: `heading level-${node.level}` }, inlines(node.inline));
  if (node.type === 'small') return h('p', { class: 'small' }, inlines(node.inline));
  if (node.type === 'quote') return h('blockquote', {}, node.blocks.map(block));
  if (node.type === 'list') return list(node);
  return h('p', { class: 'text' }, inlines(node.inline));
}

function list({ start, items }) {
  const tag = start === null ? 'ul' : 'ol';
  const made = items.map((item) => h('li', {}, inlines(item.inline), item.nested && list(item.nested)));
  return h(tag, start === null ? {} : { start }, made);
}

function code({ language, text }) {
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    toast('Copied');
  };
  const button = h('button', { class: 'ghost copy', type: 'button', title: 'Copy', 'aria-label': 'Copy code', on: { click: copy } }, icon('copy'));
  const name = language && h('span', { class: 'language' }, language);
  return h('div', { class: 'code' }, h('pre', { tabindex: '0' }, h('code', {}, coloured(text, language))), name, button);
}

const WORDS = new Set(('as async await break case catch class const continue crate def do elif else enum except export extends '
  + 'false finally fn for from func function if impl import in interface is lambda let loop match mod move mut new nil None null '
  + 'pass pub raise return self Self static struct super switch this throw trait true True False try type undefined use var void '
  + 'where while with yield SELECT FROM WHERE INSERT UPDATE DELETE CREATE TABLE').split(' '));
const TOKENS = /(\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|--[^\n]*)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\b(\d[\w.]*)\b|\b([A-Za-z_]\w*)\b(!?\()?/g;

/** Colours code a little, the same way for all languages; without a language not at all. */
function coloured(text, language) {
  if (!language || ['text', 'txt', 'plain'].includes(language.toLowerCase())) return text;
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [whole, comment, string, number, word, call] = match;
    const isComment = comment && !(comment.startsWith('#') && /^(rust|rs|js|ts|c|cpp|json|css)$/i.test(language));
    let kind = (isComment && 'comment') || (string && 'string') || (number && 'number');
    if (word) kind = (WORDS.has(word) && 'word') || (call && 'call');
    if (!kind) continue;
    parts.push(text.slice(at, match.index));
    const shown = kind === 'call' ? word : whole.slice(0, whole.length - (call?.length ?? 0));
    parts.push(h('span', { class: `code-${kind}` }, shown));
    at = match.index + shown.length;
  }
  parts.push(text.slice(at));
  return parts;
}

function inlines(nodes) {
  return nodes.map((node) => (typeof node === 'string' ? node : one(node)));
}

function one(node) {
  switch (node.type) {
    case 'strong': return h('strong', {}, inlines(node.inline));
    case 'em': return h('em', {}, inlines(node.inline));
    case 'under': return h('u', {}, inlines(node.inline));
    case 'strike': return h('s', {}, inlines(node.inline));
    case 'code': return h('code', { class: 'tick' }, node.text);
    case 'spoiler': return spoiler(inlines(node.inline));
    case 'link': return h('a', { href: node.url, target: '_blank', rel: 'noopener noreferrer' }, inlines(node.inline));
    case 'user': return mention(`@${userOf(node.id) ? nameOf(userOf(node.id)) : 'unknown'}`, node.id === state.view?.me.id);
    case 'role': return mention(`@${roleName(node.id)}`, false);
    case 'channel': return channelLink(node.id);
    case 'emoji': return h('span', { class: 'emoji custom', title: `:${node.name}:` }, `:${node.name}:`);
    case 'time': return h('time', { class: 'stamp', title: fullTime(new Date(node.seconds * 1000)) }, stamp(node.seconds, node.style));
    case 'command': return mention(`/${node.name}`, false);
    default: return mention(`@${node.name}`, true);
  }
}

const mention = (text, isMe) => h('span', { class: isMe ? 'mention me' : 'mention' }, text);

function roleName(id) {
  const roles = serverOf(state.channelId)?.roles ?? [];
  return roles.find((role) => role.id === id)?.name ?? 'unknown role';
}

function channelLink(id) {
  const channel = channelOf(id);
  if (!channel) return mention('#unknown', false);
  return h('button', { class: 'mention', type: 'button', on: { click: () => tell('go', id) } }, `#${titleOf(channel)}`);
}

/** Hides something until it is asked for. */
export function spoiler(children, className = 'spoiler') {
  const show = (event) => {
    if (event.type === 'keydown' && !['Enter', ' '].includes(event.key)) return;
    if (hidden.classList.contains('shown')) return;
    event.preventDefault();
    event.stopPropagation();
    hidden.classList.add('shown');
    hidden.removeAttribute('role');
    hidden.removeAttribute('tabindex');
    hidden.removeAttribute('aria-label');
  };
  const props = { class: className, role: 'button', tabindex: '0', 'aria-label': 'Hidden: press to show', on: { click: show, keydown: show } };
  const hidden = h('span', props, h('span', { class: 'inner' }, children));
  return hidden;
}
