import axios from "axios";
import type { AxiosInstance, AxiosResponse, Method } from "axios";
import { listed, read } from "./mcp-answers.ts";
import type { Health, Json, Server, Tool, ToolResult } from "./mcp-answers.ts";
import { DeadlinePassed, Unreachable, UnexpectedAnswer } from "./mcp-errors.ts";
import { checkedOrigin, checkedToken } from "./mcp-token.ts";

const LARGEST = 8 * 1024 * 1024; // bytes

type Options = { readonly signal?: AbortSignal };
type Sent = Options & {
  readonly params?: Json;
  readonly data?: Json;
  readonly timeout?: number;
};

/**
 * The gateway's REST API. Each method rejects with a GatewayError, or with the
 * reason of its own signal.
 */
export class MCPClient {
  readonly #http: AxiosInstance;
  readonly #timeout: number;
  readonly #token: string | undefined;

  /** Send `token` to `origin` and nowhere else. A call may take `timeout` ms. */
  constructor(origin: string, token?: string, { timeout = 30_000 } = {}) {
    const baseURL = `${checkedOrigin(origin)}/api/v1/mcp/`;
    const headers: Record<string, string> = {};
    if (token !== undefined) headers["Authorization"] = `Bearer ${checkedToken(token)}`;
    this.#timeout = timeout;
    this.#token = token;
    this.#http = axios.create({
      baseURL,
      headers,
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
    const path = `servers/${encodeURIComponent(server)}/connect`;
    return (await this.#send("POST", path, options)) as Server;
  }

  async disconnect(server: string, options: Options = {}): Promise<Server> {
    const path = `servers/${encodeURIComponent(server)}/disconnect`;
    return (await this.#send("POST", path, options)) as Server;
  }

  /** List the tools of all servers, or of one. */
  async listTools(server?: string, options: Options = {}): Promise<readonly Tool[]> {
    const params = server === undefined ? {} : { server_name: server };
    const document = await this.#send("GET", "tools", { ...options, params });
    return listed<Tool>(document, "tools");
  }

  async getTool(name: string, options: Options = {}): Promise<Tool> {
    const path = `tools/${encodeURIComponent(name)}`;
    return (await this.#send("GET", path, options)) as Tool;
  }

  /** Call a tool, which may take `seconds`, or else as long as the client waits. */
  async execute(
    name: string,
    args: Json = {},
    { seconds, ...options }: Options & { readonly seconds?: number } = {},
  ): Promise<ToolResult> {
    const path = `tools/${encodeURIComponent(name)}/execute`;
    const sent =
      seconds === undefined
        ? { data: { arguments: args } }
        : {
            data: { arguments: args, timeout: seconds },
            timeout: Math.max(this.#timeout, 1_000 * seconds + 5_000),
          };
    return (await this.#send("POST", path, { ...options, ...sent })) as ToolResult;
  }

  async health(options: Options = {}): Promise<Health> {
    return (await this.#send("GET", "health", options)) as Health;
  }

  async #send(method: Method, url: string, sent: Sent): Promise<Json> {
    const { signal: stop, timeout = this.#timeout, ...rest } = sent;
    stop?.throwIfAborted();
    const deadline = AbortSignal.timeout(timeout);
    const signal = stop ? AbortSignal.any([stop, deadline]) : deadline;
    let answer: AxiosResponse<string>;
    try {
      answer = await this.#http.request({ method, url, signal, ...rest });
    } catch (error) {
      stop?.throwIfAborted();
      throw deadline.aborted ? new DeadlinePassed(timeout) : failure(error);
    }
    return read(answer, this.#token);
  }
}

/** Leave axios's own error behind: it holds the request, and the request the token. */
function failure(error: unknown): Error {
  const code = axios.isAxiosError(error) ? error.code : undefined;
  return code === "ERR_BAD_RESPONSE"
    ? new UnexpectedAnswer(0, `it is no whole answer of at most ${LARGEST} bytes`)
    : new Unreachable(code ?? "the request failed");
}
