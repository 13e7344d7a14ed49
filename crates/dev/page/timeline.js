// The messages of the channel that is open, kept in step with what is known of it.

import { byId, fill, h } from './dom.js';
import { avatar } from './avatar.js';
import { loadHistory } from './events.js';
import { destroy, edit, inspect, isEphemeral, isSystem, messageItem, reply, thread } from './message.js';
import { pickReaction } from './reactions.js';
import { channelOf, isAfter, isThread, logOf, markRead, on, serverOf, state, tell, titleOf } from './state.js';
import { icon } from './icons.js';
import { dayOf, startOfDay } from './time.js';

/** Messages of one person within this time belong together. */
const TOGETHER_MS = 7 * 60 * 1000;
/** Nearer to the end than this, new messages are followed. */
const NEAR_END = 120;

const log = byId('log');
const scroll = byId('scroll');
const newer = byId('newer');
let items = new Map();
let isLoading = false;
let firstUnread = null;
let follows = true;
/** A message of another channel that is to be shown when the channel is open. */
let jumpTo = null;

/** Starts following the news. */
export function startTimeline() {
  on('messages', ({ channelId, kind }) => {
    if (channelId === state.channelId) draw(kind);
  });
  on('channel', open);
  on('jump', jump);
  on('selected', mark);
  scroll.addEventListener('scroll', scrolled, { passive: true });
  newer.addEventListener('click', toEnd);
  log.addEventListener('keydown', keys);
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && state.channelId) markRead(state.channelId);
  });
  // Pictures that arrive late make the log taller.
  new ResizeObserver(() => {
    if (follows) scroll.scrollTop = scroll.scrollHeight;
  }).observe(log);
}

async function open(channelId) {
  items = new Map();
  fill(log);
  follows = true;
  const last = state.read.get(channelId)?.last;
  if (!logOf(channelId).isLoaded) await loadHistory(channelId);
  if (channelId !== state.channelId) return;
  const { messages } = logOf(channelId);
  const unread = messages.find((message) => isAfter(message.id, last) && message.author.id !== state.view.me.id);
  firstUnread = last && unread ? unread.id : null;
  draw('loaded');
  markRead(channelId);
  if (jumpTo?.channelId === channelId) jump(jumpTo);
  jumpTo = null;
}

const isNearEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END;

/** Goes to the newest message. */
export function toEnd() {
  follows = true;
  scroll.scrollTop = scroll.scrollHeight;
  newer.hidden = true;
  firstUnread = null;
}

function scrolled() {
  follows = isNearEnd();
  if (follows) newer.hidden = true;
  if (scroll.scrollTop < 200) older();
}

async function older() {
  const known = logOf(state.channelId);
  if (isLoading || !known.isLoaded || !known.hasMore) return;
  isLoading = true;
  const height = scroll.scrollHeight;
  try {
    await loadHistory(state.channelId);
    scroll.scrollTop += scroll.scrollHeight - height;
  } finally {
    isLoading = false;
  }
}

function draw(kind) {
  const { messages, hasMore } = logOf(state.channelId);
  const next = new Map();
  const wanted = [hasMore ? keep(next, 'top', 'more', () => h('li', { class: 'loading' }, 'Loading…')) : keep(next, 'top', `start-${state.channelId}`, beginning)];
  let before = null;
  for (const message of messages) {
    const date = new Date(message.timestamp);
    const isNewDay = !before || startOfDay(date) !== startOfDay(new Date(before.timestamp));
    if (isNewDay) {
      const name = dayOf(date);
      wanted.push(keep(next, `day-${startOfDay(date)}`, name, () => h('li', { class: 'divider', role: 'separator' }, h('span', {}, name))));
    }
    const isNew = message.id === firstUnread;
    if (isNew) wanted.push(keep(next, 'new', message.id, () => h('li', { class: 'divider new', role: 'separator' }, h('span', {}, 'New'))));
    const isCompact = !isNewDay && !isNew && belongs(message, before);
    const version = `${message.version ?? 0}-${isCompact}-${message.edited_timestamp}-${message.flags}`;
    wanted.push(keep(next, message.id, version, () => messageItem(message, isCompact)));
    before = message;
  }
  const held = focused();
  place(wanted);
  items = next;
  held?.()?.focus({ preventScroll: true });
  mark();
  if (kind === 'created' && !follows) newer.hidden = false;
  else if (kind !== 'older' && follows) scroll.scrollTop = scroll.scrollHeight;
  log.setAttribute('aria-busy', 'false');
}

/** Takes the element that is there, unless it shows something older. */
function keep(next, key, version, make) {
  const known = items.get(key);
  const item = known?.version === version ? known : { version, element: make() };
  next.set(key, item);
  return item.element;
}

/** Remembers what has the focus; the function finds it in the messages as they are drawn anew. */
function focused() {
  const item = document.activeElement?.closest?.('#log .message');
  if (!item) return null;
  const { part } = document.activeElement.dataset;
  return () => {
    if (document.activeElement !== document.body) return null;
    const now = byId(item.id);
    return (part && now?.querySelector(`[data-part="${CSS.escape(part)}"]`)) ?? now;
  };
}

function place(wanted) {
  const stays = new Set(wanted);
  for (const element of [...log.children]) if (!stays.has(element)) element.remove();
  let at = log.firstElementChild;
  for (const element of wanted) {
    if (element === at) at = at.nextElementSibling;
    else log.insertBefore(element, at);
  }
}

function belongs(message, before) {
  if (!before || isSystem(message) || isSystem(before) || message.type === 19 || message.type === 20) return false;
  const isSame = before.author.id === message.author.id && before.author.username === message.author.username;
  const isSoon = new Date(message.timestamp) - new Date(before.timestamp) < TOGETHER_MS;
  return isSame && isSoon && isEphemeral(before) === isEphemeral(message);
}

function beginning() {
  const channel = channelOf(state.channelId);
  if (channel?.type === 1) {
    return h('li', { class: 'beginning' }, avatar('Tomori', { isBot: true }), h('h2', {}, titleOf(channel)),
      h('p', {}, 'This is your own conversation with the bot. Nobody else sees it.'));
  }
  const server = serverOf(state.channelId);
  return h('li', { class: 'beginning' }, h('span', { class: 'badge-icon' }, icon(isThread(channel) ? 'thread' : 'hash')), h('h2', {}, titleOf(channel)),
    h('p', {}, `The beginning of ${isThread(channel) ? 'this thread' : `#${titleOf(channel)}`} in ${server?.name ?? 'the sandbox'}. Say something, or write / to see what the bot can do.`));
}

function mark() {
  for (const item of log.querySelectorAll('.message')) item.classList.toggle('selected', item.dataset.id === state.selected);
}

/** Shows a message, in another channel when it is there. */
function jump({ id, channelId = state.channelId }) {
  if (channelId !== state.channelId) {
    jumpTo = { id, channelId };
    tell('go', channelId);
    return;
  }
  const item = byId(`message-${id}`);
  if (!item) return;
  item.scrollIntoView({ block: 'center', behavior: 'smooth' });
  item.focus({ preventScroll: true });
  item.classList.add('flash');
  setTimeout(() => item.classList.remove('flash'), 1600);
}

/** Goes from message to message by keys. */
export function focusMessage(step, from = null) {
  const all = [...log.querySelectorAll('.message')];
  const at = from ? all.indexOf(from) + step : all.length - 1;
  all[Math.max(0, Math.min(all.length - 1, at))]?.focus();
}

const react = (message, item) => !isEphemeral(message) && !isSystem(message) && pickReaction(message, item);
const ACTS = { r: reply, e: edit, t: thread, i: inspect, '+': react, delete: destroy };

function keys(event) {
  const item = event.target.closest('.message');
  const isOnItem = item && event.target === item;
  if (!isOnItem || event.ctrlKey || event.metaKey || event.altKey) return;
  const message = logOf(state.channelId).messages.find((known) => known.id === item.dataset.id);
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const act = ACTS[event.key.toLowerCase()];
  if (event.key === 'ArrowDown' && !item.nextElementSibling) byId('write')?.focus();
  else if (step) focusMessage(step, item);
  else if (event.key === 'Enter') inspect(message);
  else if (act) act(message, item);
  else return;
  event.preventDefault();
}
