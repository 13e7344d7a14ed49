// Dialogs, menus and the large view of a picture.

import { byId, h } from './dom.js';
import { icon } from './icons.js';

/** Opens a dialog over the page; returns what closes it. The focus comes back afterwards. */
export function openDialog(title, content, { className = '', onClose = null } = {}) {
  const before = document.activeElement;
  const close = () => dialog.close();
  const button = h('button', { class: 'ghost', type: 'button', title: 'Close', 'aria-label': 'Close', on: { click: close } }, icon('close'));
  const dialog = h('dialog', { class: `dialog ${className}`, 'aria-label': title },
    h('header', {}, h('h2', {}, title), button), content);
  dialog.addEventListener('close', () => {
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
    else byId('write')?.focus();
    onClose?.();
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return close;
}

/** Opens a small menu beside a button; returns what closes it. */
export function openMenu(anchor, content, label) {
  const menu = h('dialog', { class: 'menu', 'aria-label': label }, content);
  const close = () => menu.close();
  menu.addEventListener('close', () => {
    menu.remove();
    if (anchor.isConnected) anchor.focus();
  });
  menu.addEventListener('click', (event) => {
    if (event.target === menu) close();
  });
  document.body.append(menu);
  menu.showModal();
  const spot = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const left = Math.min(Math.max(8, spot.right - width), innerWidth - width - 8);
  const above = spot.top - height - 6;
  const top = above > 8 ? above : Math.min(spot.bottom + 6, innerHeight - height - 8);
  menu.style.setProperty('--left', `${left}px`);
  menu.style.setProperty('--top', `${Math.max(8, top)}px`);
  return close;
}

/** Opens a menu of actions: `[icon, label, act]`. */
export function openActions(anchor, actions) {
  const items = actions.filter(Boolean).map(([name, label, act, kind]) => h('button', {
    class: `menu-item ${kind ?? ''}`, type: 'button', role: 'menuitem', on: { click: () => { close(); act(); } },
  }, icon(name), label));
  const list = h('div', { role: 'menu', class: 'menu-list' }, items);
  list.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = items.indexOf(document.activeElement);
    items[(at + step + items.length) % items.length].focus();
  });
  const close = openMenu(anchor, list, 'Actions');
  items[0]?.focus();
}

/** Shows a picture as large as the page is. */
export function showPicture(url, description) {
  const link = h('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, 'Open in a new tab');
  openDialog(description || 'Picture', h('figure', {}, h('img', { src: url, alt: description || 'Picture' }), h('figcaption', {}, link)), { className: 'viewer' });
}

/** Asks for one name. */
export function askName(title, label, act) {
  const input = h('input', { class: 'field', type: 'text', maxlength: 100, required: true, 'aria-label': label, placeholder: label });
  const form = h('form', { class: 'form' }, input, h('div', { class: 'buttons' }, h('button', { class: 'button primary', type: 'submit' }, 'Go')));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.value.trim() === '') return;
    close();
    act(input.value.trim());
  });
  const close = openDialog(title, form);
  input.focus();
}

const KEYS = [
  ['Enter', 'send'], ['Shift + Enter', 'new line'], ['↑', 'edit your last message (nothing written)'],
  ['/', 'commands'], ['@  #  :', 'people, channels, emojis'], ['Ctrl + V', 'attach a copied picture'],
  ['Ctrl + K', 'go to a channel'], ['Alt + ↑ ↓', 'previous or next channel'], ['Alt + Shift + ↑ ↓', 'previous or next unread channel'],
  ['Ctrl + U', 'be somebody else'], ['Ctrl + I', 'what happened to a message'], ['↑ ↓ in the messages', 'move from message to message'],
  ['R  E  Delete  I', 'on a message: reply, edit, delete, what happened'], ['+  T', 'on a message: react, start a thread'], ['Esc', 'leave what is open, go to the newest'], ['?', 'this list'],
];

/** Lists the keys that do something. */
export function showKeys() {
  openDialog('Keys', h('dl', { class: 'keys' }, KEYS.map(([keys, what]) => [h('dt', {}, h('kbd', {}, keys)), h('dd', {}, what)])));
}
