import axios from "axios";
import type { AxiosInstance, AxiosResponse, Method } from "axios";
import { DeadlinePassed, refusal, Unreachable, UnexpectedAnswer } from "./mcp-errors.ts";
import type { Problem } from "./mcp-errors.ts";
import { checkedOrigin, checkedToken } from "./mcp-token.ts";

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
/** With `is_error` the tool has failed, and `content` says how; the call itself went well. */
export type ToolResult = {
  readonly tool: string;
  readonly server: string;
  readonly is_error: boolean;
  readonly content: readonly (Json & { readonly type: string; readonly text?: string })[];
  readonly structured_content: Json | null;
  readonly duration_ms: number;
};
export type Health = Json & { readonly status: string };

type Options = { readonly signal?: AbortSignal };
type Request = Options & { readonly params?: Json; readonly data?: Json; readonly timeout?: number };

const LARGEST = 8 * 1024 * 1024;

/** The gateway's REST API. Every method rejects with a GatewayError, or with the reason of its own abort signal. */
export class MCPClient {
  readonly #http: AxiosInstance;
  readonly #timeout: number;

  /** `token` is sent to `origin` and nowhere else; `timeout` is in milliseconds, for a whole call. */
  constructor(origin: string, token?: string, { timeout = 30_000 }: { readonly timeout?: number } = {}) {
    const baseURL = checkedOrigin(origin);
    this.#timeout = timeout;
    this.#http = axios.create({
      baseURL,
      headers: token === undefined ? {} : { Authorization: `Bearer ${checkedToken(token)}` },
      maxRedirects: 0,
      maxContentLength: LARGEST,
      ...(baseURL.startsWith("http:") && { proxy: false }),
      responseType: "text",
      transformResponse: [],
      validateStatus: () => true,
    });
  }

  async listServers(options: Options = {}): Promise<readonly Server[]> {
    return listed<Server>(await this.#send("GET", "servers", options), "servers");
  }

  async connect(server: string, options: Options = {}): Promise<Server> {
    return (await this.#send("POST", `servers/${encodeURIComponent(server)}/connect`, options)) as Server;
  }

  async disconnect(server: string, options: Options = {}): Promise<Server> {
    return (await this.#send("POST", `servers/${encodeURIComponent(server)}/disconnect`, options)) as Server;
  }

  async listTools({ server, ...options }: Options & { readonly server?: string } = {}): Promise<readonly Tool[]> {
    const params = server === undefined ? {} : { server_name: server };
    return listed<Tool>(await this.#send("GET", "tools", { ...options, params }), "tools");
  }

  async getTool(name: string, options: Options = {}): Promise<Tool> {
    return (await this.#send("GET", `tools/${encodeURIComponent(name)}`, options)) as Tool;
  }

  /** Call a tool. `seconds` is how long the tool may take. */
  async execute(
    name: string,
    args: Json = {},
    { seconds, ...options }: Options & { readonly seconds?: number } = {},
  ): Promise<ToolResult> {
    const data = { arguments: args, ...(seconds !== undefined && { timeout: seconds }) };
    const timeout = Math.max(this.#timeout, (seconds ?? 0) * 1000 + 5_000);
    const path = `tools/${encodeURIComponent(name)}/execute`;
    return (await this.#send("POST", path, { ...options, data, timeout })) as ToolResult;
  }

  async health(options: Options = {}): Promise<Health> {
    return (await this.#send("GET", "health", options)) as Health;
  }

  async #send(method: Method, path: string, { signal, timeout = this.#timeout, ...request }: Request): Promise<Json> {
    signal?.throwIfAborted();
    const deadline = AbortSignal.timeout(timeout);
    const ended = signal ? AbortSignal.any([signal, deadline]) : deadline;
    let answer: AxiosResponse<string>;
    try {
      answer = await this.#http.request({ method, url: `/api/v1/mcp/${path}`, signal: ended, ...request });
    } catch (error) {
      signal?.throwIfAborted();
      throw deadline.aborted ? new DeadlinePassed(timeout) : failure(error);
    }
    return read(answer);
  }
}

/** Say what went wrong in an error of our own: the one of axios carries the request, and the request the token. */
function failure(error: unknown): Error {
  const code = axios.isAxiosError(error) ? (error.code ?? "") : "";
  if (code === "ERR_BAD_RESPONSE") return new UnexpectedAnswer(0, `it is larger than ${LARGEST} bytes, or cut off`);
  return new Unreachable(code || "the request failed");
}

function read(answer: AxiosResponse<string>): Json {
  const { status, headers, data } = answer;
  if (status >= 300 && status < 400) throw new UnexpectedAnswer(status, "it is a redirect, and no token follows one");
  const document = parsed(status, String(headers["content-type"] ?? ""), data);
  if (status >= 200 && status < 300) return document;
  const { code, detail } = document;
  const problem: Problem = { ...document, code: String(code ?? "call_refused"), detail: String(detail ?? ""), status };
  throw refusal(problem, headers["retry-after"] as string | undefined);
}

function parsed(status: number, type: string, body: string): Json {
  if (!/^application\/(problem\+)?json\b/.test(type)) throw new UnexpectedAnswer(status, `it is ${type || "of no type"}`);
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

function listed<Item>(document: Json, member: string): readonly Item[] {
  const items = document[member];
  if (!Array.isArray(items)) throw new UnexpectedAnswer(200, `it has no list of ${member}`);
  return items as Item[];
}
