// Starts the page, and goes where the address says.

import * as api from './api.js';
import { byId, fill, h, toast } from './dom.js';
import { startComposer } from './composer.js';
import { showKeys } from './dialogs.js';
import { apply, loadView, refresh } from './events.js';
import { icon } from './icons.js';
import { close as closePanel, startInspector } from './inspector.js';
import { avatar } from './avatar.js';
import { inspect } from './message.js';
import { choosePerson, findChannel, ordered, startSidebar } from './sidebar.js';
import { channelOf, isThread, isUnread, logOf, on, serverOf, state, tell, titleOf } from './state.js';
import { startThread, takesThreads } from './threads.js';
import { startTimeline } from './timeline.js';

const root = document.documentElement;
const app = byId('app');
const shade = byId('shade');
let stopListening = () => {};
let wasOpen = false;

/** Light or dark as chosen here, or else as the system is. */
function showTheme() {
  const chosen = localStorage.getItem('theme');
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  root.dataset.theme = chosen ?? system;
}

function addressed() {
  const given = new URLSearchParams(location.hash.slice(1) || location.search.slice(1));
  return { user: given.get('user') || localStorage.getItem('user') || 'alice', channel: given.get('channel') };
}

async function start() {
  const { user, channel } = addressed();
  stopListening();
  Object.assign(state, { user, view: null, channelId: null, replyTo: null, editing: null });
  state.logs.clear();
  state.typing.clear();
  state.read.clear();
  if (state.panel) closePanel();
  localStorage.setItem('user', user);
  await loadView();
  wasOpen = false;
  stopListening = api.listen(user, apply, connected);
  const first = state.view.servers[0]?.channels[0]?.id ?? state.view.direct[0]?.id;
  const kept = localStorage.getItem(`last:${user}`);
  go([channel, kept, first].find((id) => id && channelOf(id)));
}

function connected(now) {
  const notice = byId('notice');
  notice.hidden = now === 'open';
  notice.textContent = 'The sandbox is away; trying again …';
  if (now === 'open' && wasOpen) refresh().catch((error) => toast(error.message, 'problem'));
  if (now === 'open') wasOpen = true;
}

function go(channelId) {
  if (!channelId || !channelOf(channelId)) return;
  state.channelId = channelId;
  localStorage.setItem(`last:${state.user}`, channelId);
  const server = serverOf(channelId);
  if (server) localStorage.setItem(`last:${state.user}:${server.id}`, channelId);
  history.replaceState(null, '', `#${new URLSearchParams({ user: state.user, channel: channelId })}`);
  drawer(false);
  tell('channel', channelId);
  drawTop();
  if (!matchMedia('(pointer: coarse)').matches) byId('write').focus();
}

function drawTop() {
  const channel = channelOf(state.channelId);
  if (!channel) return;
  const isDirect = channel.type === 1;
  const parent = isThread(channel) && channelOf(channel.parent_id);
  const button = (name, label, act, pressed) => h('button', { class: 'ghost', type: 'button', title: label, 'aria-label': label, 'aria-pressed': pressed, on: { click: act } }, icon(name));
  fill(byId('top'),
    h('button', { class: 'ghost drawer-button', type: 'button', 'aria-label': 'Servers and channels', on: { click: () => drawer(true) } }, icon('menu')),
    isDirect ? avatar('Tomori', { isBot: true }) : icon(isThread(channel) ? 'thread' : 'hash'),
    h('h1', {}, parent && h('button', { class: 'text-button', type: 'button', on: { click: () => go(parent.id) } }, titleOf(parent), ' › '), titleOf(channel)),
    channel.topic && h('p', { class: 'topic', title: channel.topic }, channel.topic),
    h('span', { class: 'spring' }),
    takesThreads(channel) && button('thread', 'Start a thread', () => startThread(channel.id)),
    button('search', 'Go to a channel (Ctrl K)', findChannel),
    button('route', 'What happened to the last message (Ctrl I)', inspectLast, String(state.panel === 'message')),
    button('people', 'Members', () => tell('members'), String(state.panel === 'members')));
}

function inspectLast() {
  if (state.panel === 'message') return closePanel();
  const last = logOf(state.channelId).messages.at(-1);
  return last ? inspect(last) : toast('Nothing has been said here yet');
}

/** On a narrow page servers and channels come in from the side. */
function drawer(isOpen) {
  app.classList.toggle('drawer', isOpen);
  shade.hidden = !isOpen && !(state.panel && matchMedia('(max-width: 900px)').matches);
  if (isOpen) byId('side').querySelector('[aria-current]')?.focus();
}

function step(by, onlyUnread) {
  const inOrder = [...state.view.servers.flatMap((server) => ordered(server.channels)), ...state.view.direct].filter((channel) => channel.type !== 4);
  const at = inOrder.findIndex((channel) => channel.id === state.channelId);
  for (let next = 1; next <= inOrder.length; next += 1) {
    const channel = inOrder[(at + by * next + inOrder.length * next) % inOrder.length];
    if (!onlyUnread || isUnread(channel)) return go(channel.id);
  }
  return undefined;
}

function keys(event) {
  const isWriting = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.value !== '';
  const isFree = !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !document.querySelector('dialog[open]');
  const isCommand = event.ctrlKey || event.metaKey;
  if (isCommand && event.key === 'k') findChannel();
  else if (isCommand && event.key === 'u') choosePerson();
  else if (isCommand && event.key === 'i') inspectLast();
  else if (event.altKey && event.key === 'ArrowDown') step(1, event.shiftKey);
  else if (event.altKey && event.key === 'ArrowUp') step(-1, event.shiftKey);
  else if (event.key === '?' && isFree) showKeys();
  else if (event.key === 'Escape' && app.classList.contains('drawer')) drawer(false);
  else if (event.key === 'Escape' && state.panel && !isWriting && !document.querySelector('dialog[open]')) closePanel();
  else if (isFree && event.key.length === 1 && !isCommand && !event.altKey && !event.target.closest('.message, .code, [role="button"], button, a, summary')) {
    byId('write').focus();
    return;
  } else return;
  event.preventDefault();
}

showTheme();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { showTheme(); tell('view'); });
on('theme', (name) => { localStorage.setItem('theme', name); showTheme(); tell('view'); });
on('go', go);
on('view', () => {
  if (state.channelId && !channelOf(state.channelId)) go(state.view.servers[0]?.channels[0]?.id);
  drawTop();
});
on('panel', () => { app.classList.toggle('with-panel', state.panel !== null); drawer(false); drawTop(); });
shade.addEventListener('click', () => (app.classList.contains('drawer') ? drawer(false) : closePanel()));
document.addEventListener('keydown', keys);
addEventListener('hashchange', () => {
  const { user, channel } = addressed();
  if (user !== state.user) start().catch((error) => toast(error.message, 'problem'));
  else if (channel && channel !== state.channelId) go(channel);
});
startSidebar();
startTimeline();
startComposer();
startInspector();
start().catch((error) => toast(error.message, 'problem'));
