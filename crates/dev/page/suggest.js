// What is offered while somebody writes: people after @, channels after #, emojis after a colon,
// commands after a slash at the beginning.

import { avatar } from './avatar.js';
import { fill, h } from './dom.js';
import { findEmojis } from './emoji.js';
import { icon } from './icons.js';
import { channelOf, nameOf, serverOf, state } from './state.js';

const MOST = 8;

/** Everybody who can be mentioned here, the bot first. */
export function peopleHere() {
  const server = serverOf(state.channelId);
  const all = server ? server.members.map((member) => member.user) : [state.view.me, state.view.bot];
  const isBot = (user) => user.id === state.view.bot.id;
  return [...all].sort((a, b) => isBot(b) - isBot(a) || nameOf(a).localeCompare(nameOf(b)));
}

/** Offers for the words before the cursor: `{ from, entries: [{ label, hint, picture, insert }] }`. */
export function offersFor(text, cursor, commands) {
  const before = text.slice(0, cursor);
  const slash = /^\/([\w-]*(?: [\w-]*){0,2})$/.exec(before);
  if (slash) return commandOffers(slash[1], commands);
  const word = /(^|\s)([@#:])([\w.-]{0,32})$/.exec(before);
  if (!word) return null;
  const [, , mark, letters] = word;
  const from = cursor - letters.length - 1;
  const wanted = letters.toLowerCase();
  let entries = [];
  if (mark === '@') {
    entries = peopleHere().filter((user) => nameOf(user).toLowerCase().includes(wanted)).slice(0, MOST).map((user) => ({
      label: nameOf(user), hint: user.bot ? 'bot' : '', picture: avatar(nameOf(user), { isBot: user.bot }), insert: `@${nameOf(user)} `,
    }));
  } else if (mark === '#') {
    const channels = serverOf(state.channelId)?.channels ?? [];
    entries = channels.filter((channel) => channel.type !== 4 && (channel.name ?? '').includes(wanted)).slice(0, MOST)
      .map((channel) => ({ label: channel.name, hint: '', picture: icon('hash'), insert: `#${channel.name} ` }));
  } else if (letters.length >= 2) {
    entries = findEmojis(letters, MOST).map(({ name, character }) => ({
      label: `:${name}:`, hint: '', picture: h('span', { class: 'emoji' }, character), insert: `${character} `,
    }));
  }
  return entries.length > 0 ? { from, entries } : null;
}

/** All that can be run, commands with parts as one entry for each part. */
export function runnable(commands) {
  const isBranch = (option) => option.type === 1 || option.type === 2;
  const walk = (command, node, path) => {
    const parts = (node.options ?? []).filter(isBranch);
    if (parts.length > 0) return parts.flatMap((part) => walk(command, part, [...path, part.name]));
    return [{ command, path, title: [command.name, ...path].join(' '), description: node.description, options: node.options ?? [] }];
  };
  return commands.flatMap((command) => walk(command, command, []));
}

function commandOffers(typed, commands) {
  const wanted = typed.toLowerCase();
  const all = runnable(commands);
  const fits = all.filter(({ title }) => title.includes(wanted)).sort((a, b) => b.title.startsWith(wanted) - a.title.startsWith(wanted));
  const entries = fits.slice(0, 12).map((entry) => ({
    label: `/${entry.title}`, hint: entry.description, picture: avatar('Tomori', { isBot: true }), entry,
    extra: entry.options.filter((option) => option.required).map((option) => option.name).join(' '),
  }));
  return entries.length > 0 ? { from: 0, entries } : null;
}

/** The list of offers above the line that is written. */
export class Offers {
  constructor(box, onChoose) {
    this.box = box;
    this.onChoose = onChoose;
    this.offer = null;
    this.at = 0;
  }

  show(offer) {
    this.offer = offer;
    this.at = 0;
    this.draw();
  }

  get isOpen() {
    return this.offer !== null;
  }

  draw() {
    this.box.hidden = !this.isOpen;
    if (!this.isOpen) return;
    fill(this.box, this.offer.entries.map((entry, at) => h('li', {
      class: at === this.at ? 'offer current' : 'offer', role: 'option', id: `offer-${at}`, 'aria-selected': String(at === this.at),
      on: { mousedown: (event) => { event.preventDefault(); this.choose(at); } },
    }, entry.picture, h('b', {}, entry.label), entry.extra && h('code', {}, entry.extra), h('span', {}, entry.hint))));
    this.box.children[this.at]?.scrollIntoView({ block: 'nearest' });
  }

  choose(at = this.at) {
    const { offer } = this;
    const entry = offer?.entries[at];
    this.show(null);
    if (entry) this.onChoose(entry, offer.from);
  }

  /** Takes a key; tells whether it was for the list. */
  key(event) {
    if (!this.isOpen) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const { length } = this.offer.entries;
      this.at = (this.at + step + length) % length;
      this.draw();
    } else if (event.key === 'Enter' || event.key === 'Tab') this.choose();
    else if (event.key === 'Escape') this.show(null);
    else return false;
    event.preventDefault();
    return true;
  }
}

/** What is written as names becomes what Discord sends. */
export function withIds(text) {
  const people = peopleHere().sort((a, b) => nameOf(b).length - nameOf(a).length);
  let result = text;
  for (const user of people) result = replaceName(result, `@${nameOf(user)}`, `<@${user.id}>`);
  const server = serverOf(state.channelId);
  for (const channel of server?.channels ?? []) if (channel.name) result = replaceName(result, `#${channel.name}`, `<#${channel.id}>`);
  return result;
}

function replaceName(text, name, replacement) {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replace(new RegExp(`(^|[\\s(])${escaped}(?![\\w-])`, 'gi'), (_, before) => before + replacement);
}

/** The other way round, to edit a message. */
export function withNames(text) {
  const people = new Map(peopleHere().map((user) => [user.id, nameOf(user)]));
  return text.replace(/<@!?(\d+)>/g, (whole, id) => (people.has(id) ? `@${people.get(id)}` : whole))
    .replace(/<#(\d+)>/g, (whole, id) => (channelOf(id)?.name ? `#${channelOf(id).name}` : whole));
}
