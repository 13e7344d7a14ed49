// Turns news into changes of what this page knows.

import * as api from './api.js';
import { channelOf, isAfter, loadRead, logOf, markRead, state, tell } from './state.js';

/** How long somebody is shown as typing, as Discord's clients do. */
const TYPING_MS = 10000;
/** The page reads the world again at most this often. */
const RELOAD_MS = 1000;

let reloadTimer = null;

/** Takes one piece of news. */
export function apply({ type, body }) {
  if (type === 'BEHIND') return reload();
  if (/^(GUILD|CHANNEL|THREAD)_/.test(type)) return reloadSoon();
  if (type === 'MESSAGE_CREATE') return create(body);
  if (type === 'MESSAGE_UPDATE') return update(body);
  if (type === 'MESSAGE_DELETE') return drop(body.channel_id, [body.id]);
  if (type === 'MESSAGE_DELETE_BULK') return drop(body.channel_id, body.ids);
  if (type === 'TYPING_START') return typing(body);
  if (type.startsWith('MESSAGE_REACTION_')) return react(type, body);
  return undefined;
}

function reloadSoon() {
  reloadTimer ??= setTimeout(() => {
    reloadTimer = null;
    loadView().catch(() => {});
  }, 100);
}

function reload() {
  reloadTimer ??= setTimeout(async () => {
    reloadTimer = null;
    await refresh().catch(() => {});
  }, RELOAD_MS);
}

/** Reads what is around the messages. */
export async function loadView() {
  const isFirst = state.view === null;
  state.view = await api.get('/view', { user: state.user });
  if (isFirst) loadRead();
  tell('view');
}

/** Reads everything again, after a break. */
export async function refresh() {
  await loadView();
  for (const [id, log] of state.logs) if (id !== state.channelId) Object.assign(log, { messages: [], hasMore: true, isLoaded: false });
  if (state.channelId) {
    logOf(state.channelId).isLoaded = false;
    await loadHistory(state.channelId);
  }
}

/** Reads the newest messages of a channel, or the page before those that are known. */
export async function loadHistory(channelId) {
  const log = logOf(channelId);
  const query = { user: state.user, channel_id: channelId };
  const isOlder = log.isLoaded;
  if (isOlder) query.before = log.messages[0]?.id ?? '0';
  const page = await api.get('/history', query);
  if (isOlder) {
    const known = new Set(log.messages.map((message) => message.id));
    log.messages = [...page.messages.filter((message) => !known.has(message.id)), ...log.messages];
  } else {
    log.messages = page.messages;
  }
  log.hasMore = page.has_more;
  log.isLoaded = true;
  tell('messages', { channelId, kind: isOlder ? 'older' : 'loaded' });
}

function create(message) {
  const channel = channelOf(message.channel_id);
  if (!channel) reloadSoon();
  else if (!(message.flags & 64)) channel.last_message_id = message.id;
  state.typing.get(message.channel_id)?.delete(message.author.id);
  tell('typing', message.channel_id);
  const log = logOf(message.channel_id);
  if (log.isLoaded && !log.messages.some((known) => known.id === message.id)) {
    log.messages.push(message);
    tell('messages', { channelId: message.channel_id, kind: 'created', message });
  }
  const isMine = message.author.id === state.view.me.id;
  const isSeen = message.channel_id === state.channelId && document.visibilityState === 'visible';
  if (isMine || isSeen) return markRead(message.channel_id);
  const isForMe = message.mentions?.some((user) => user.id === state.view.me.id) || message.mention_everyone || channel?.type === 1;
  const before = state.read.get(message.channel_id) ?? { last: null, mentions: 0 };
  if (isForMe) state.read.set(message.channel_id, { ...before, mentions: before.mentions + 1 });
  return tell('unread', message.channel_id);
}

function update(message) {
  const log = logOf(message.channel_id);
  const place = log.messages.findIndex((known) => known.id === message.id);
  if (place < 0) {
    // An ephemeral answer, or one that was still "thinking", may be news by its change alone.
    const newest = log.messages.at(-1);
    if (log.isLoaded && isAfter(message.id, newest?.id)) create(message);
    return;
  }
  const version = (log.messages[place].version ?? 0) + 1;
  // Reactions come by news of their own; here they are as the bot sees them.
  const { reactions } = log.messages[place];
  log.messages[place] = { ...message, reactions, version };
  tell('messages', { channelId: message.channel_id, kind: 'updated', message });
}

function drop(channelId, ids) {
  const log = logOf(channelId);
  log.messages = log.messages.filter((message) => !ids.includes(message.id));
  tell('messages', { channelId, kind: 'deleted', ids });
}

/** Takes a message away here alone: an ephemeral one that was read. */
export const dismiss = (message) => drop(message.channel_id, [message.id]);

function typing({ channel_id: channelId, user_id: userId }) {
  if (userId === state.view.me.id) return;
  const typers = state.typing.get(channelId) ?? new Map();
  typers.set(userId, Date.now() + TYPING_MS);
  state.typing.set(channelId, typers);
  tell('typing', channelId);
  setTimeout(() => {
    if ((typers.get(userId) ?? 0) > Date.now()) return;
    typers.delete(userId);
    tell('typing', channelId);
  }, TYPING_MS + 50);
}

const sameEmoji = (a, b) => (a.id ?? null) === (b.id ?? null) && (a.id ? true : a.name === b.name);

function react(type, body) {
  const log = logOf(body.channel_id);
  const message = log.messages.find((known) => known.id === body.message_id);
  if (!message) return;
  const all = message.reactions ?? [];
  const known = all.find((reaction) => sameEmoji(reaction.emoji, body.emoji ?? {}));
  const isMe = body.user_id === state.view.me.id;
  if (type === 'MESSAGE_REACTION_REMOVE_ALL') message.reactions = [];
  else if (type === 'MESSAGE_REACTION_REMOVE_EMOJI') message.reactions = all.filter((one) => one !== known);
  else if (type === 'MESSAGE_REACTION_ADD') {
    if (known) Object.assign(known, { count: known.count + 1, me: known.me || isMe });
    else message.reactions = [...all, { emoji: body.emoji, count: 1, me: isMe }];
  } else if (known) {
    Object.assign(known, { count: known.count - 1, me: known.me && !isMe });
    message.reactions = all.filter((one) => one.count > 0);
  }
  message.version = (message.version ?? 0) + 1;
  tell('messages', { channelId: body.channel_id, kind: 'updated', message });
}
