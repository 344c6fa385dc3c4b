"""Chain lines by hashes, change the second, and hash again what stands behind it."""

from hashlib import sha256


def chained(lines: list[str]) -> list[tuple[str, str]]:
    last, chain = "", []
    for line in lines:
        last = sha256((last + line).encode()).hexdigest()
        chain.append((line, last))
    return chain


def verify(chain: list[tuple[str, str]]) -> bool:
    return chain == chained([line for line, _ in chain])


log = chained(["accept ada", "execute bob write_file", "accept cleo"])
print("as it was written:", verify(log))

lines = [line.replace("bob", "ada") for line, _ in log]
print("changed:", verify([(line, digest) for line, (_, digest) in zip(lines, log, strict=True)]))
print("changed, and hashed again:", verify(chained(lines)))
