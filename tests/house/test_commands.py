"""The list of commands says of each what the command says itself, and nothing is left out of it."""

import importlib
import json
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import app  # noqa: TID251 - its list is what is looked at
import ingest.commands
import passport.commands


@pytest.mark.parametrize("name", app.COMMANDS)
def test_the_list_has_the_sentence_of_the_command(name: str) -> None:
    package, sentence = app.COMMANDS[name]
    command = importlib.import_module(f"{package}.commands.{name}").command
    assert isinstance(command, click.Command)
    assert not command.hidden
    assert sentence == command.get_short_help_str(limit=1000)
    assert len(sentence) <= 66, "one line of a terminal with 80 columns"


def test_every_command_is_in_the_list() -> None:
    found = {
        (name, package.__name__.partition(".")[0])
        for package in (ingest.commands, passport.commands)
        for _, name, _ in pkgutil.iter_modules(package.__path__)
        if hasattr(importlib.import_module(f"{package.__name__}.{name}"), "command")
    }
    assert found == {(name, package) for name, (package, _) in app.COMMANDS.items()}


def test_help_lists_every_command_and_imports_none() -> None:
    script = (
        "import app, json, sys\n"
        "from click.testing import CliRunner\n"
        "said = CliRunner().invoke(app.cli, ['--help'])\n"
        "heavy = [name for name in sys.modules if '.commands' in name or name in ('sqlalchemy', 'numpy')]\n"
        "print(json.dumps([said.output, said.exit_code, heavy]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    output, status, heavy = json.loads(ran.stdout)
    assert (status, heavy) == (0, [])
    listed = [line.split()[0] for line in output.partition("Commands:")[2].splitlines() if line[:3].strip()]
    assert listed[: len(app.COMMANDS)] == list(app.COMMANDS)


def every_command(name: str) -> list[click.Command]:
    command = app.cli.get_command(click.Context(app.cli), name)
    assert command is not None
    return [command, *(command.commands.values() if isinstance(command, click.Group) else ())]


@pytest.mark.parametrize("name", app.COMMANDS)
def test_a_command_takes_a_data_folder_and_has_an_example(name: str) -> None:
    for command in every_command(name):
        assert [one.name for one in command.params].count("data") == 1, command.name
        assert "Example" in (command.epilog or ""), command.name


def test_the_data_folder_may_stand_before_and_behind_the_command(tmp_path: Path) -> None:
    for words in (
        ["--data", str(tmp_path / "1"), "key", "list"],
        ["key", "list", "--data", str(tmp_path / "2")],
    ):
        said = CliRunner().invoke(app.cli, words)
        assert said.exit_code == 0, said.output
    assert (tmp_path / "1" / "cellpass.db").exists()
    assert (tmp_path / "2" / "cellpass.db").exists()


def test_the_version_is_told_in_a_checkout_too() -> None:
    told = CliRunner().invoke(app.cli, ["--version"])
    project = tomllib.loads((Path(app.__file__).parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert (told.exit_code, told.output.split()[0]) == (0, project["version"])
