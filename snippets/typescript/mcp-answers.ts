import type { AxiosResponse } from "axios";
import { refusal, UnexpectedAnswer } from "./mcp-errors.ts";

export type Json = Readonly<Record<string, unknown>>;

export type Server = {
  readonly name: string;
  readonly status: "connected" | "connecting" | "disconnected" | "failed";
  readonly transport: string;
  readonly tools: number;
};

export type Tool = {
  readonly name: string;
  readonly server: string;
  readonly title: string | null;
  readonly description: string | null;
  readonly input_schema: Json;
  readonly output_schema: Json | null;
  readonly scopes: readonly string[];
};

export type Content = Json & { readonly type: string; readonly text?: string };

/** With `is_error` the tool has failed and `content` says how; the call went well. */
export type ToolResult = {
  readonly tool: string;
  readonly server: string;
  readonly is_error: boolean;
  readonly content: readonly Content[];
  readonly structured_content: Json | null;
  readonly duration_ms: number;
};

export type Health = Json & { readonly status: string };

/** Give the document of an answer, or throw what it stands for, without the token. */
export function read(answer: AxiosResponse<string>, token: string | undefined): Json {
  const { status, headers, data } = answer;
  if (status >= 300 && status < 400) {
    throw new UnexpectedAnswer(status, "it is a redirect, and no token follows one");
  }
  const type = String(headers["content-type"]);
  if (!/^application\/(problem\+)?json\b/.test(type)) {
    throw new UnexpectedAnswer(status, "it is not JSON");
  }
  if (status >= 200 && status < 300) return parsed(status, data);
  const clean = (_: string, value: unknown) =>
    typeof value === "string" ? cleaned(value, token) : value;
  const document = parsed(status, data, clean);
  const code = String(document["code"] ?? "call_refused");
  const detail = String(document["detail"] ?? "");
  const problem = { ...document, code, detail, status };
  throw refusal(problem, secondsIn(headers["retry-after"]));
}

/** Give the list that is one member of a document. */
export function listed<Item>(document: Json, member: string): readonly Item[] {
  const items = document[member];
  if (Array.isArray(items)) return items as Item[];
  throw new UnexpectedAnswer(200, `it has no list of ${member}`);
}

type Reviver = (key: string, value: unknown) => unknown;

function parsed(status: number, body: string, reviver?: Reviver): Json {
  let document: unknown;
  try {
    document = JSON.parse(body, reviver);
  } catch {
    throw new UnexpectedAnswer(status, "it is not JSON");
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new UnexpectedAnswer(status, "it is no JSON object");
  }
  return document as Json;
}

/** Make fit for a log what somebody else wrote: short, no token, nothing to obey. */
function cleaned(text: string, token: string | undefined): string {
  const without = token ? text.replaceAll(token, "…") : text;
  return without.replace(/\p{C}/gu, "?").slice(0, 500);
}

/** Read `Retry-After`, which is seconds or a date (RFC 9110, section 10.2.3). */
function secondsIn(value: unknown): number {
  const text = String(value ?? "1");
  if (/^\d{1,9}$/.test(text)) return Number(text);
  const left = (Date.parse(text) - Date.now()) / 1000;
  return left > 0 ? Math.ceil(left) : 1;
}
