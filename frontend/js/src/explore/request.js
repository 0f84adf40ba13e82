// One request as any program would send it, so that what is shown is what a caller gets.
import { buildClientSchema, getIntrospectionQuery, getOperationAST, parse } from "graphql";
import { socket } from "../lib/socket.js";

async function post(body) {
  const started = performance.now();
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, took: performance.now() - started, bytes: text.length, body: JSON.parse(text) };
}

export async function loadSchema() {
  const { body } = await post({ query: getIntrospectionQuery({ inputValueDeprecation: true }) });
  if (!body.data) throw new Error(body.errors?.[0]?.message || "The schema could not be read.");
  return buildClientSchema(body.data);
}

/** The names and kinds of the operations in a text; none while it cannot be read. */
export function operations(text) {
  try {
    return parse(text).definitions.filter((d) => d.kind === "OperationDefinition")
      .map((d) => ({ name: d.name?.value || null, kind: d.operation, from: d.loc.start, to: d.loc.end }));
  } catch {
    return [];
  }
}

/** Sends an operation. `onNext` gets each answer: one, or many of a subscription. Returns how to stop. */
export function send({ query, variables, operationName }, { onNext, onEnd, onError }) {
  const kind = getOperationAST(parse(query), operationName)?.operation;
  const body = { query, variables, operationName: operationName || undefined };
  if (kind !== "subscription") {
    post(body).then((found) => { onNext(found); onEnd(); }, onError);
    return () => {};
  }
  const started = performance.now();
  return socket().subscribe(body, {
    next: (found) => onNext({ took: performance.now() - started, bytes: JSON.stringify(found).length, body: found }),
    error: (error) => onError(Array.isArray(error) ? new Error(error[0].message) : error),
    complete: onEnd,
  });
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

export function asCurl({ query, variables, operationName }) {
  const body = JSON.stringify({ query, variables, operationName: operationName || undefined });
  return [`curl ${quoted(`${location.origin}/graphql`)}`, "-H 'Content-Type: application/json'",
    '-H "Authorization: Bearer $BALEYBOTS_TOKEN"', `--data ${quoted(body)}`].join(" \\\n  ");
}
