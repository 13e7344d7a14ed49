// Threads: how one starts, and how one is found from the channel it belongs to.

import * as api from './api.js';
import { askName } from './dialogs.js';
import { h, toast } from './dom.js';
import { loadView } from './events.js';
import { icon } from './icons.js';
import { channelOf, state, tell } from './state.js';

const STARTED = 18;
const HAS_THREAD = 32;

/** Whether threads can be started in a channel: in those of servers, not in threads. */
export const takesThreads = (channel) => [0, 5].includes(channel?.type);

/** Whether a thread can start from this message. */
export function mayStart(message) {
  return takesThreads(channelOf(message.channel_id)) && (message.flags & HAS_THREAD) === 0;
}

/** Asks for a name and starts a thread, from a message or without one. */
export function startThread(channelId, message = null) {
  askName(message ? 'A thread from this message' : 'A new thread', 'Name of the thread', async (name) => {
    try {
      const thread = { user: state.user, channel_id: channelId, name };
      if (message) thread.message_id = message.id;
      const made = await api.post('/threads', thread);
      await loadView();
      tell('go', made.id);
    } catch (error) {
      toast(error.message, 'problem');
    }
  });
}

/** The way to the thread that started from a message. */
export function threadLink(message) {
  const { thread } = message;
  if (!thread) return null;
  const known = channelOf(thread.id);
  return link(thread.id, known?.name ?? thread.name, 'thread-link');
}

/** The way to the thread that a system message tells of. */
export function startedThread(message) {
  const id = message.type === STARTED ? message.message_reference?.channel_id : null;
  return id && [': ', link(id, message.content, 'text-button')];
}

function link(id, name, kind) {
  const picture = kind === 'thread-link' && icon('thread');
  return h('button', { class: kind, type: 'button', data: { part: 'thread' }, on: { click: () => tell('go', id) } }, picture, name);
}
