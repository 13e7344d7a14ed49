// The sandbox's routes, and news as it comes.

async function call(method, path, body) {
  const response = await fetch(`/sandbox${path}`, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `the sandbox answered ${response.status}`);
  return answer;
}

export const get = (path, query) => call('GET', query ? `${path}?${new URLSearchParams(query)}` : path);
export const post = (path, body) => call('POST', path, body);
export const patch = (path, body) => call('PATCH', path, body);
export const remove = (path, body) => call('DELETE', path, body);

/** Listens as a user until closed; after a break it comes again, each time a little later. */
export function listen(user, onNews, onState) {
  let socket = null;
  let isOver = false;
  let pause = 250;
  const open = () => {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    socket = new WebSocket(`${scheme}://${location.host}/sandbox/live?${new URLSearchParams({ user })}`);
    socket.addEventListener('message', (event) => {
      const news = JSON.parse(event.data);
      if (news.type === 'HELLO') {
        pause = 250;
        onState('open');
      } else {
        onNews(news);
      }
    });
    socket.addEventListener('close', () => {
      if (isOver) return;
      onState('closed');
      setTimeout(open, pause);
      pause = Math.min(pause * 2, 5000);
    });
  };
  open();
  return () => {
    isOver = true;
    socket?.close();
  };
}

/** Reads a file as base64. */
export function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(String(reader.result).split(',')[1] ?? ''));
    reader.addEventListener('error', () => reject(new Error(`${file.name} cannot be read`)));
    reader.readAsDataURL(file);
  });
}

/** Attachments may name this machine in another way than the page does. */
export function local(url) {
  try {
    const address = new URL(url, location.href);
    return address.pathname.startsWith('/attachments/') ? address.pathname + address.search : url;
  } catch {
    return url;
  }
}
