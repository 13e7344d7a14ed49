// Builds elements. Text always becomes text nodes; nothing here reads markup.

/** Makes an element: `h('p', { class: 'note', on: { click } }, 'text', child)`. */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  append(element, children);
  return element;
}

/** Sets attributes; `on` are listeners, `data` is the dataset, true and false switch an attribute. */
export function set(element, props) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === 'data') {
      Object.assign(element.dataset, value);
    } else if (name === 'value' || name === 'checked') {
      element[name] = value;
    } else if (name === 'color') {
      element.style.setProperty('--tint', value);
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
}

/** Appends nodes and texts, however nested; nothing for null and false. */
export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === '') continue;
    element.append(child);
  }
}

/** Replaces all that is in an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** Finds an element of the page by id. */
export const byId = (id) => document.getElementById(id);

/** Writes a size for people. */
export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const kilo = bytes / 1024;
  return kilo < 1024 ? `${kilo.toFixed(kilo < 10 ? 1 : 0)} KB` : `${(kilo / 1024).toFixed(1)} MB`;
}

/** Shows a short word at the edge of the page. */
export function toast(text, kind = 'note') {
  const note = h('p', { class: `toast ${kind}` }, text);
  byId('toasts').append(note);
  setTimeout(() => note.remove(), 6000);
}
