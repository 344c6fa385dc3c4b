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

/** Give the document of an answer, or throw what the answer stands for. */
export function read({ status, headers, data }: AxiosResponse<string>): Json {
  if (status >= 300 && status < 400) {
    throw new UnexpectedAnswer(status, "it is a redirect, and no token follows one");
  }
  const document = parsed(status, String(headers["content-type"] ?? ""), data);
  if (status >= 200 && status < 300) return document;
  const code = String(document["code"] ?? "call_refused");
  const detail = String(document["detail"] ?? "");
  const retryAfter = Number(headers["retry-after"] ?? 1);
  throw refusal({ ...document, code, detail, status }, retryAfter);
}

/** Give the list that is one member of a document. */
export function listed<Item>(document: Json, member: string): readonly Item[] {
  const items = document[member];
  if (Array.isArray(items)) return items as Item[];
  throw new UnexpectedAnswer(200, `it has no list of ${member}`);
}

function parsed(status: number, type: string, body: string): Json {
  if (!/^application\/(problem\+)?json\b/.test(type)) {
    throw new UnexpectedAnswer(status, `it is ${type || "of no type"}`);
  }
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    throw new UnexpectedAnswer(status, "it is not JSON");
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new UnexpectedAnswer(status, "it is no JSON object");
  }
  return document as Json;
}
