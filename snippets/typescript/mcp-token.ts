import { ConfigurationError } from "./mcp-errors.ts";

/** Give the origin of a gateway: https, or http on this machine. */
export function checkedOrigin(address: string): string {
  if (!URL.canParse(address)) throw new ConfigurationError("the address of the gateway is no URL");
  const { protocol, hostname, origin, username, password, pathname, search, hash } = new URL(address);
  if (username || password || search || hash || pathname !== "/") {
    throw new ConfigurationError(`write the address as ${origin}, and nothing before or after`);
  }
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  if (protocol !== "https:" && !(protocol === "http:" && isLoopback)) {
    throw new ConfigurationError(`a token goes over https only, or to this machine; not to ${origin}`);
  }
  return origin;
}

/** Give the token back, or say which of the usual accidents has happened to it. */
export function checkedToken(token: string): string {
  if (/\$\{?\w|\{\{/.test(token)) throw new ConfigurationError("the token is the name of a variable that nobody filled in");
  if (/^bearer\s/i.test(token)) throw new ConfigurationError("give the token alone, without the word Bearer");
  if (/\s/.test(token)) throw new ConfigurationError("the token has white space in it or around it");
  if (!/^[\w.~+/-]+=*$/.test(token)) throw new ConfigurationError("the token is empty, or has characters that no token has");
  return token;
}
