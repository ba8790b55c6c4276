"""Checks of the machine: Python, packages of the local Rekognition and the tests, the embedded cloud, the stack's
file."""

from __future__ import annotations

from labelstack.dates import due
from labelstack.diagnosis.finding import Finding, Setting, check, not_applicable, ok, problem, warning
from labelstack.errors import CloudNotRunningError

OLDEST_PYTHON = (3, 11)
# The shell draws pages alone, at half the processor time of a whole browser.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")


@check("Python")
def python(setting: Setting) -> Finding:
    """Check that the interpreter is new enough."""
    version = setting.system.python_version()
    text = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return problem(f"{text}, older than {oldest}", f"Install Python {oldest} or newer, then: make PYTHON=…")
    return ok(text)


@check("Dates")
def dates(setting: Setting) -> Finding:
    """Check that no software that the stack needs ends within 90 days."""
    near = due(setting.system.today())
    if not near:
        return ok("nothing ends within 90 days")
    detail = "; ".join(f"{ending.what}: {ending.date}, {ending.then}" for ending in near)
    return problem(detail, "; ".join(f"{ending.what}: {ending.do}" for ending in near))


@check("Stack settings")
def stack_file(setting: Setting) -> Finding:
    """Check that the stack's file exists and its settings are right."""
    name = f"Pulumi.{setting.stack}.yaml"
    if setting.settings is None:
        return problem(setting.mistake, f"Correct {name}, or name another stack: --stack")
    return ok(name)


@check("Embedded cloud", "embedded")
def embedded_cloud(setting: Setting) -> Finding:
    """Check that the embedded cloud runs well, or not at all."""
    try:
        url = setting.system.embedded_endpoint(setting.embedded_folder)
    except CloudNotRunningError as error:
        if "has died" in str(error):
            return warning(str(error).splitlines()[0], "labelstack up starts it again")
        return ok("does not run; labelstack up starts it")
    try:
        setting.system.get_json(f"{url}/_localstack/health")
    except OSError as error:
        fix = "labelstack down, then labelstack up"
        return problem(f"its process runs, but {url} does not answer ({error})", fix)
    return ok(f"runs at {url}")


@check("Text reader")
def text_reader(setting: Setting) -> Finding:
    """Check that the local Rekognition can read print."""
    if setting.cloud == "aws":
        return not_applicable("Rekognition itself reads print on AWS")
    if setting.cloud == "localstack":
        return not_applicable("the Rekognition container has its own")
    if version := setting.system.package_version("rapidocr"):
        return ok(f"RapidOCR {version}")
    fix = ".venv/bin/pip install -e '.[ocr]'"
    return warning("not installed: the local Rekognition reads no print in pictures", fix)


@check("Chromium")
def chromium(setting: Setting) -> Finding:
    """Check that the browser tests can run."""
    named = setting.variables.get("LABELSTACK_CHROMIUM")
    if path := named or next(filter(None, map(setting.system.which, BROWSERS)), None):
        if named and not setting.system.exists(named):
            return warning(f"LABELSTACK_CHROMIUM names {named}, which is not there", "Correct the variable")
        return ok(path)
    fix = "make browser (as root), or name one in LABELSTACK_CHROMIUM"
    return warning("not installed: the page's tests are skipped", fix)
