/** Sends one message to Python. Text passes the client's event serialiser untouched, objects do not. */
export function emit(handler, message) {
  if (handler) handler(JSON.stringify(message ?? {}));
}

export const online = () => document.documentElement.dataset.online !== "no";
