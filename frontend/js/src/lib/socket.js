import { createClient } from "graphql-ws/client";

let client;

/** One GraphQL socket per tab, opened with the session cookie and kept through restarts. */
export function socket() {
  client ||= createClient({
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
    lazy: true,
    lazyCloseTimeout: 3000,
    keepAlive: 15_000,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: (tries) => new Promise((done) => setTimeout(done, Math.min(250 * 1.6 ** tries, 5000))),
  });
  return client;
}

export function once(query, variables) {
  return new Promise((resolve, reject) => {
    let answer;
    socket().subscribe({ query, variables }, {
      next: (result) => { answer = result; },
      error: reject,
      complete: () => (answer?.errors ? reject(new Error(answer.errors[0].message)) : resolve(answer?.data)),
    });
  });
}
