// Servers, channels and who one is.

import * as api from './api.js';
import { avatar } from './avatar.js';
import { byId, fill, h, toast } from './dom.js';
import { askName, openDialog, showKeys } from './dialogs.js';
import { loadView } from './events.js';
import { icon } from './icons.js';
import { channels, isThread, isUnread, mentionsIn, nameOf, on, serverOf, state, tell, titleOf } from './state.js';

/** Starts showing them. */
export function startSidebar() {
  on('view', draw);
  on('unread', draw);
  on('channel', draw);
}

const here = () => serverOf(state.channelId);

function draw() {
  if (!state.view) return;
  drawRail();
  drawSide();
  const total = channels().reduce((sum, channel) => sum + mentionsIn(channel.id), 0);
  document.title = `${total > 0 ? `(${total}) ` : ''}${state.user} · Sandbox`;
}

function drawRail() {
  const direct = state.view.direct[0];
  fill(byId('rail'),
    railButton('Direct messages', icon('lamp'), !here(), [direct].filter(Boolean), () => tell('go', direct.id)),
    h('hr', {}),
    state.view.servers.map((server) => railButton(server.name, avatar(server.name, { kind: 'server' }), here() === server, server.channels,
      () => tell('go', lastIn(server)))),
    railAction('plus', 'New server', () => askName('A new server', 'Name of the server', makeServer)),
    h('span', { class: 'spring' }),
    railAction('help', 'Keys (?)', showKeys));
}

function lastIn(server) {
  const kept = localStorage.getItem(`last:${state.user}:${server.id}`);
  return server.channels.some((channel) => channel.id === kept) ? kept : server.channels[0]?.id;
}

function railButton(label, picture, isCurrent, inside, act) {
  const mentions = inside.reduce((sum, channel) => sum + mentionsIn(channel.id), 0);
  const classes = ['rail-button', isCurrent && 'current', inside.some(isUnread) && 'unread'].filter(Boolean).join(' ');
  return h('button', { class: classes, type: 'button', title: label, 'aria-label': label, 'aria-current': isCurrent ? 'true' : null, on: { click: act } },
    picture, mentions > 0 && h('span', { class: 'count', 'aria-label': `${mentions} mentions` }, String(mentions)));
}

function railAction(name, label, act) {
  return h('button', { class: 'rail-button action', type: 'button', title: label, 'aria-label': label, on: { click: act } }, icon(name));
}

function drawSide() {
  const server = here();
  const focused = document.activeElement?.closest?.('#side [data-channel]')?.dataset.channel;
  const head = h('header', { class: 'side-head' }, h('h1', {}, server ? server.name : 'Direct messages'),
    server && h('button', { class: 'ghost', type: 'button', title: 'New channel', 'aria-label': 'New channel', on: { click: () => askName('A new channel', 'Name of the channel', (name) => makeChannel(server, name)) } }, icon('plus')));
  const list = server ? ordered(server.channels) : state.view.direct;
  fill(byId('side'), head, h('ul', { class: 'channels' }, list.map((channel) => (channel.type === 4 ? category(channel) : entry(channel)))), me());
  if (focused) byId('side').querySelector(`[data-channel="${focused}"]`)?.focus();
}

/** Channels in the order in which a server shows them: threads below their channel. */
export function ordered(all) {
  const categories = new Set(all.filter((channel) => channel.type === 4).map((channel) => channel.id));
  const top = all.filter((channel) => !isThread(channel) && !categories.has(channel.parent_id));
  const inside = (id) => all.filter((channel) => channel.parent_id === id);
  const position = (a, b) => (a.type === 4) - (b.type === 4) || (a.position ?? 0) - (b.position ?? 0);
  const withThreads = (channel) => [channel, ...inside(channel.id).filter((thread) => isThread(thread) && !thread.thread_metadata?.archived)];
  return top.sort(position).flatMap((channel) => (channel.type === 4
    ? [channel, ...inside(channel.id).sort(position).flatMap(withThreads)] : withThreads(channel)));
}

const category = (channel) => h('li', { class: 'category' }, channel.name);

function entry(channel) {
  const isCurrent = channel.id === state.channelId;
  const mentions = mentionsIn(channel.id);
  const classes = ['channel', isCurrent && 'current', isUnread(channel) && 'unread', isThread(channel) && 'thread'].filter(Boolean).join(' ');
  const symbol = channel.type === 1 ? avatar('Tomori', { isBot: true }) : icon(isThread(channel) ? 'thread' : 'hash');
  return h('li', {}, h('button', {
    class: classes, type: 'button', data: { channel: channel.id }, 'aria-current': isCurrent ? 'page' : null,
    on: { click: () => tell('go', channel.id) },
  }, symbol, h('span', {}, titleOf(channel)), mentions > 0 && h('span', { class: 'count' }, String(mentions)),
  isUnread(channel) && h('span', { class: 'unseen' }, ', unread')));
}

function me() {
  const isDark = document.documentElement.dataset.theme === 'dark';
  const other = isDark ? 'light' : 'dark';
  return h('footer', { class: 'me' },
    h('button', { class: 'who', type: 'button', title: 'Be somebody else (Ctrl U)', on: { click: choosePerson } },
      avatar(nameOf(state.view.me)), h('span', {}, h('b', {}, nameOf(state.view.me)), h('small', {}, 'Be somebody else'))),
    h('button', { class: 'ghost', type: 'button', title: `Use the ${other} colours`, 'aria-label': `Use the ${other} colours`, on: { click: () => tell('theme', other) } }, icon(isDark ? 'sun' : 'moon')));
}

/** Lets one be somebody else, here or in a new tab. */
export function choosePerson() {
  const input = h('input', { class: 'field', type: 'text', maxlength: 32, placeholder: 'A name, known or new', 'aria-label': 'Name' });
  const list = h('ul', { class: 'people' });
  const be = (name) => {
    location.hash = `#user=${encodeURIComponent(name)}`;
    close();
  };
  const show = () => {
    const wanted = input.value.trim().toLowerCase();
    const known = state.view.people.filter((name) => name.toLowerCase().includes(wanted));
    fill(list, known.slice(0, 30).map((name) => h('li', {},
      h('button', { class: 'person', type: 'button', 'aria-current': name === state.user ? 'true' : null, on: { click: () => be(name) } }, avatar(name), name),
      h('a', { class: 'ghost', href: `/#user=${encodeURIComponent(name)}`, target: '_blank', title: `${name} in a new tab`, 'aria-label': `${name} in a new tab` }, icon('link')))));
  };
  input.addEventListener('input', show);
  const form = h('form', { class: 'form' }, h('p', { class: 'hint' }, 'Whoever is named exists. Each tab can be another person.'), input, list,
    h('div', { class: 'buttons' }, h('button', { class: 'button primary', type: 'submit' }, 'Be this person')));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.value.trim() !== '') be(input.value.trim());
  });
  const close = openDialog('Who are you?', form);
  show();
  input.focus();
}

async function makeServer(name) {
  await make({ server: name, channel: 'general' });
}

async function makeChannel(server, name) {
  const plain = name.toLowerCase().replace(/^#/, '').replace(/\s+/g, '-');
  await make({ server: server.name, channel: plain });
}

async function make(place) {
  try {
    const made = await api.post('/places', { user: state.user, ...place });
    await loadView();
    tell('go', made.channel_id);
  } catch (error) {
    toast(error.message, 'problem');
  }
}

/** Lets one go to a channel by a few letters of its name. */
export function findChannel() {
  const input = h('input', { class: 'field', type: 'search', placeholder: 'Where to?', 'aria-label': 'Channel' });
  const list = h('ul', { class: 'people' });
  const found = () => channels().filter((channel) => channel.type !== 4 && titleOf(channel).toLowerCase().includes(input.value.trim().toLowerCase().replace(/^#/, '')));
  const go = (channel) => {
    close();
    tell('go', channel.id);
  };
  const show = () => fill(list, found().slice(0, 12).map((channel) => h('li', {}, h('button', { class: 'person', type: 'button', on: { click: () => go(channel) } },
    icon(channel.type === 1 ? 'lamp' : isThread(channel) ? 'thread' : 'hash'), titleOf(channel), h('small', {}, serverOf(channel.id)?.name ?? 'direct')))));
  input.addEventListener('input', show);
  const form = h('form', { class: 'form' }, input, list);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (found().length > 0) go(found()[0]);
  });
  const close = openDialog('Go to', form);
  show();
  input.focus();
}
