"""Log as it is mostly done: a sentence, with the caller's own words in it."""

NAME = "eve\n2026-11-18T11:06:41Z accept subject=ada tool=write_file"

print(f"2026-11-18T11:06:40Z refuse subject={NAME}")
