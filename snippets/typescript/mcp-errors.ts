/** What a call can fail with. `code` is stable; no error holds the token. */
export class GatewayError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The address or the token cannot be right; nothing has been sent. */
export class ConfigurationError extends GatewayError {
  constructor(message: string) {
    super("configuration_error", message);
  }
}

/** No answer came. `reason` is the system's word, like ECONNREFUSED. */
export class Unreachable extends GatewayError {
  readonly reason: string;

  constructor(reason: string) {
    super("unreachable", `the gateway gives no answer: ${reason}`);
    this.reason = reason;
  }
}

/** The answer took longer than the client waits. */
export class DeadlinePassed extends GatewayError {
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    super("deadline_passed", `no answer within ${milliseconds} ms`);
    this.milliseconds = milliseconds;
  }
}

/** The answer is not the gateway's: a proxy's page, a redirect, something cut off. */
export class UnexpectedAnswer extends GatewayError {
  readonly status: number;

  constructor(status: number, problem: string) {
    super("unexpected_answer", `the answer ${status} is not to be used: ${problem}`);
    this.status = status;
  }
}

/** A problem document (RFC 9457). */
export type Problem = {
  readonly code: string;
  readonly detail: string;
  readonly status: number;
  readonly [member: string]: unknown;
};

/** The gateway refuses the call. A code without a class of its own arrives as this. */
export class Refused extends GatewayError {
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.code, problem.detail);
    this.status = problem.status;
    this.problem = problem;
  }
}

const words = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);

export class MissingToken extends Refused {}

/** `code` says why, as far as the gateway tells: token_expired, wrong_audience. */
export class TokenRefused extends Refused {}

export class InsufficientScope extends Refused {
  readonly required: readonly string[] = words(this.problem["required_scopes"]);
}

/** `retryAfter` is in seconds. */
export class RateLimited extends Refused {
  readonly retryAfter: number;

  constructor(problem: Problem, retryAfter: number) {
    super(problem);
    this.retryAfter = retryAfter;
  }
}

export class UnknownServer extends Refused {
  readonly known: readonly string[] = words(this.problem["known"]);
}

/** `candidates` are the full names, where several servers have the tool. */
export class UnknownTool extends Refused {
  readonly candidates: readonly string[] = words(this.problem["candidates"]);
}

export class InvalidArguments extends Refused {
  readonly problems: readonly string[] = words(this.problem["problems"]);
}

export class ServerUnavailable extends Refused {
  readonly server = String(this.problem["server"]);
}

export class ServerDisconnected extends Refused {
  readonly server = String(this.problem["server"]);
}

export class ToolTimeout extends Refused {
  readonly tool = String(this.problem["tool"]);
  readonly seconds = Number(this.problem["seconds"]);
}

/** `limit` is in bytes. */
export class ResultTooLarge extends Refused {
  readonly tool = String(this.problem["tool"]);
  readonly limit = Number(this.problem["limit"]);
}

const CLASSES = new Map<string, new (problem: Problem) => Refused>([
  ["missing_token", MissingToken],
  ["insufficient_scope", InsufficientScope],
  ["unknown_server", UnknownServer],
  ["unknown_tool", UnknownTool],
  ["invalid_arguments", InvalidArguments],
  ["server_unavailable", ServerUnavailable],
  ["server_disconnected", ServerDisconnected],
  ["tool_timeout", ToolTimeout],
  ["result_too_large", ResultTooLarge],
]);

/** Give the error that a problem document stands for. */
export function refusal(problem: Problem, retryAfter: number): Refused {
  if (problem.status === 429) return new RateLimited(problem, retryAfter);
  const otherwise = problem.status === 401 ? TokenRefused : Refused;
  return new (CLASSES.get(problem.code) ?? otherwise)(problem);
}
