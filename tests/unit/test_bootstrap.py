"""`manage.py` makes its environment, completes a half-done one, and says why when it can't."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from embedsite import bootstrap
from embedsite.config import BASE_DIR

COMMANDS = """
def run(argv):
    import django
    if argv[1:] == ["interrupted"]:
        raise KeyboardInterrupt
    print("ran", *argv[1:], "with", django.__file__)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the real entry point beside requirements that need no network."""
    root = tmp_path_factory.mktemp("project")
    (root / "embedsite").mkdir()
    for name in ("manage.py", "embedsite/__init__.py", "embedsite/bootstrap.py"):
        shutil.copy(BASE_DIR / name, root / name)
    (root / "embedsite/commands.py").write_text(COMMANDS)
    (root / "requirements").mkdir()
    for name in ("torch.txt", "test.txt", "constraints.txt"):
        (root / "requirements" / name).write_text("")
    wheel(root / "wheels", "django")
    require(root, "django")
    return root


def wheel(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as file:
        info = f"{name}-1.0.dist-info"
        file.writestr(f"{name}/__init__.py", "")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )
        file.writestr(f"{info}/RECORD", "")


def require(root: Path, *names: str) -> None:
    lines = ["--no-index", f"--find-links {root / 'wheels'}", *names]
    (root / "requirements/base.txt").write_text("\n".join(lines))


def start(root: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Run the copy with a Python that finds no installed package, as on a fresh machine."""
    kept = {key: value for key, value in os.environ.items() if key != bootstrap.ENTERED}
    return subprocess.Popen(
        [sys.executable, "-S", "manage.py", *arguments],
        cwd=root,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(root: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    process = start(root, *arguments, **environment)
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def test_two_starts_at_once_make_one_environment(project: Path) -> None:
    shutil.rmtree(project / ".venv", ignore_errors=True)  # of a test that came before
    processes = [start(project, "a"), start(project, "a")]
    outputs = [process.communicate(timeout=600)[0] for process in processes]

    assert [f"ran a with {project}/.venv/" in output for output in outputs] == [True, True], outputs
    assert sum("Making the environment" in output for output in outputs) == 1


def test_finished_environment_is_entered_without_a_word(project: Path) -> None:
    run(project, "a")

    code, out, err = run(project, "b")

    assert (code, err) == (0, "")
    assert out.startswith(f"ran b with {project}/.venv/")


def test_interrupted_it_ends_without_a_traceback(project: Path) -> None:
    run(project, "a")

    assert run(project, "interrupted") == (130, "", "")


def test_changed_requirements_are_installed(project: Path) -> None:
    wheel(project / "wheels", "another")
    require(project, "django", "another")

    code, out, _ = run(project, "c")

    assert code == 0
    assert "Installing requirements/base.txt" in out
    assert list(project.glob(".venv/lib/*/site-packages/another"))


def test_environment_whose_python_is_gone_is_emptied_and_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / bootstrap.LOCK).touch()
    ran: list[list[str]] = []

    def record(command: list[str], *, check: bool) -> subprocess.CompletedProcess[bytes]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", record)

    bootstrap.create(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [bootstrap.LOCK]
    assert ran == [[sys.executable, "-m", "venv", str(tmp_path)]]


def test_without_network_says_so_and_keeps_the_stamp_off(project: Path) -> None:
    (project / "requirements/test.txt").write_text("no-such-package==1.0")

    code, out, err = run(
        project, "test", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="0"
    )

    assert code == 1
    assert "ran test" not in out
    assert "pip could not install requirements/test.txt" in err
    assert "Is there a network?" in err
    assert not (project / ".venv/.installed-test").exists()


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_python_without_venv_is_told_what_to_install(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(BASE_DIR / "requirements", tmp_path / "requirements")
    absent = ("django", module)
    monkeypatch.setattr(bootstrap, "find_spec", lambda name: None if name in absent else name)
    monkeypatch.delenv(bootstrap.ENTERED, raising=False)

    with pytest.raises(SystemExit) as exit_info:
        bootstrap.enter(["manage.py", "serve"], root=tmp_path)

    assert exit_info.value.code == 1
    assert f"lacks the module {module}. On Debian" in capsys.readouterr().err


def test_environment_without_django_does_not_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "find_spec", lambda name: None)
    monkeypatch.setenv(bootstrap.ENTERED, "1")

    with pytest.raises(SystemExit):
        bootstrap.enter(["manage.py", "serve"], root=tmp_path)

    assert "delete that folder" in capsys.readouterr().err


def test_nothing_is_done_where_django_is_importable(tmp_path: Path) -> None:
    bootstrap.enter(["manage.py", "serve"], root=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_old_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import manage

    monkeypatch.setattr(sys, "version_info", (3, 10, 4))

    with pytest.raises(SystemExit, match=r"3\.11 or newer is needed, this is 3\.10\.4"):
        manage.main()


def test_an_old_python_can_read_what_refuses_it() -> None:
    tree = ast.parse((BASE_DIR / "manage.py").read_text(), feature_version=(3, 6))

    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert functions
    for function in functions:  # annotations are evaluated, and list[str] is an error before 3.9
        given = [function.returns, *(argument.annotation for argument in function.args.args)]
        assert not any(given), function.name


def test_every_requirement_is_pinned() -> None:
    pinned = (BASE_DIR / "requirements/constraints.txt").read_text().lower().split()
    for path in (BASE_DIR / "requirements").glob("*.txt"):
        # The clients' environment is its own, and its file has all of it.
        own = path.read_text().lower().split() if path.name == "clients.txt" else pinned
        for line in path.read_text().splitlines():
            if line and not line.startswith(("#", "-r")):
                name, _, version = line.lower().partition("==")
                assert f"{name.split('[')[0].replace('-', '_')}=={version}" in [
                    entry.replace("-", "_") for entry in own
                ], f"{path.name}: {line}"
