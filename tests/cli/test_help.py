"""Help, errors and tab completion of the command line."""

import re
import shlex

import pytest

from synthgan.cli import _parser, main

COMMANDS = ("demo", "fit", "sample", "evaluate", "info", "completion")


def shown(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        main([*words])
    assert stop.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_what_it_does_and_gives_examples(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    text = shown(capsys, command, "--help")
    usage, purpose, *_ = text.split("\n\n")
    assert usage.startswith(f"usage: synthgan {command} ")
    assert len(usage.splitlines()) <= 2
    assert purpose.endswith(".")
    before, examples = text.split("examples:\n")
    assert max(map(len, before.splitlines())) <= 80
    # The examples are of this command, and are parsed without an error.
    for line in examples.strip().splitlines():
        words = shlex.split(re.sub(r" *[>#].*", "", line) if command != "evaluate" else line)
        assert words[:2] == ["synthgan", command]
        assert callable(_parser().parse_args(words[1:]).command)


def test_all_commands_are_listed(capsys):
    text = shown(capsys, "--help")
    for command in COMMANDS:
        assert re.search(rf"^    {command}\b", text, re.M)
    assert "examples:\n  synthgan demo\n" in text


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("sample", "m.synthgan"), "the following arguments are required: -o/--out"),
        (("demo", "--kind", "song"), "invalid choice: 'song'"),
        (("completion", "dos"), "invalid choice: 'dos'"),
        (("info", "no such file"), "no such file"),
    ],
)
def test_an_error_is_one_line(capsys, words, match):
    with pytest.raises(SystemExit) as stop:
        main([*words])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("synthgan: error: ")
    assert match in line


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion(capsys, shell):
    pytest.importorskip("shtab")
    main(["completion", shell])
    script = capsys.readouterr().out
    for word in (*COMMANDS, "holdout", "relational"):
        assert word in script
