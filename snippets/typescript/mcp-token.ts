import { ConfigurationError } from "./mcp-errors.ts";

/** Give the origin of a gateway: https, or http on this machine. */
export function checkedOrigin(address: string): string {
  if (!URL.canParse(address)) refuse("the address of the gateway is no URL");
  const { protocol, hostname, origin, href } = new URL(address);
  if (href !== `${origin}/`) refuse(`write the address as ${origin} and no more`);
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  if (protocol !== "https:" && !(protocol === "http:" && isLoopback)) {
    refuse(`a token goes over https, or to this machine; not to ${origin}`);
  }
  return origin;
}

/** Give the token back, or say what has happened to it on its way. */
export function checkedToken(token: string): string {
  if (/\$\{?\w|\{\{/.test(token)) refuse("the token is a variable not filled in");
  if (/^bearer\s/i.test(token)) refuse("give the token without the word Bearer");
  if (/\s/.test(token)) refuse("the token has white space in it or around it");
  if (!/^[\w.~+/-]+=*$/.test(token)) refuse("the token is empty, or is no token");
  return token;
}

function refuse(message: string): never {
  throw new ConfigurationError(message);
}
