// What this page knows, and who wants to hear when it changes.

export const state = {
  user: 'alice',
  view: null,
  channelId: null,
  /** Per channel: { messages, hasMore, isLoaded }. */
  logs: new Map(),
  /** Per channel: user id to the moment at which they stop typing. */
  typing: new Map(),
  /** Per channel: { last read id, mentions }. */
  read: new Map(),
  replyTo: null,
  editing: null,
  selected: null,
  panel: null,
  /** The commands of every type that are offered in the channel. */
  commands: [],
  /** Names of commands by the interaction that used them. */
  used: new Map(),
};

const listeners = new Map();

/** Calls `listener` whenever something is told about `topic`. */
export function on(topic, listener) {
  const all = listeners.get(topic) ?? [];
  all.push(listener);
  listeners.set(topic, all);
}

/** Tells all who listen to `topic`. */
export function tell(topic, detail) {
  for (const listener of listeners.get(topic) ?? []) listener(detail);
}

/** The log of a channel, empty at first. */
export function logOf(channelId) {
  let log = state.logs.get(channelId);
  if (!log) {
    log = { messages: [], hasMore: true, isLoaded: false };
    state.logs.set(channelId, log);
  }
  return log;
}

/** All channels that are shown, direct conversations too. */
export function channels() {
  if (!state.view) return [];
  return [...state.view.servers.flatMap((server) => server.channels), ...state.view.direct];
}

export const channelOf = (id) => channels().find((channel) => channel.id === id) ?? null;

export function serverOf(channelId) {
  return state.view?.servers.find((server) => server.channels.some((channel) => channel.id === channelId)) ?? null;
}

/** Finds a user by id among all who are known here. */
export function userOf(id) {
  if (!state.view) return null;
  const { me, bot, servers } = state.view;
  const known = [me, bot].find((user) => user.id === id);
  if (known) return known;
  for (const server of servers) {
    const member = server.members.find((member) => member.user.id === id);
    if (member) return member.user;
  }
  return null;
}

export const nameOf = (user) => user?.global_name || user?.username || 'somebody';

/** What a channel is called. */
export function titleOf(channel) {
  if (!channel) return '';
  if (channel.type === 1) return nameOf(state.view.bot);
  return channel.name ?? 'unnamed';
}

export const isThread = (channel) => [10, 11, 12].includes(channel?.type);

/** Compares ids, which are numbers too large for JavaScript. */
export function isAfter(a, b) {
  if (!b) return Boolean(a);
  if (!a) return false;
  return a.length === b.length ? a > b : a.length > b.length;
}

const readKey = () => `read:${state.user}`;

/** Remembers what was read in an earlier visit. */
export function loadRead() {
  state.read.clear();
  const kept = JSON.parse(localStorage.getItem(readKey()) ?? '{}');
  for (const [channel, last] of Object.entries(kept)) state.read.set(channel, { last, mentions: 0 });
  for (const channel of channels()) {
    if (!state.read.has(channel.id)) state.read.set(channel.id, { last: channel.last_message_id, mentions: 0 });
  }
}

/** Everything in a channel has been seen. */
export function markRead(channelId) {
  const newest = logOf(channelId).messages.at(-1)?.id ?? channelOf(channelId)?.last_message_id ?? null;
  const before = state.read.get(channelId);
  if (before && before.last === newest && before.mentions === 0) return;
  state.read.set(channelId, { last: newest, mentions: 0 });
  const kept = Object.fromEntries([...state.read].map(([id, { last }]) => [id, last]));
  localStorage.setItem(readKey(), JSON.stringify(kept));
  tell('unread', channelId);
}

export function isUnread(channel) {
  if (channel.id === state.channelId) return false;
  return isAfter(channel.last_message_id, state.read.get(channel.id)?.last);
}

export const mentionsIn = (channelId) => state.read.get(channelId)?.mentions ?? 0;
