"""The command line itself: help in every form, wrong usage, JSON on failure, exit codes."""
import json
import subprocess

import pytest


@pytest.fixture(scope="module")
def commands(ferry):
    return ferry.ok("help", "--format=json").json["commands"]


def test_every_command_explains_itself(ferry, commands):
    assert len(commands) >= 8
    for command in commands:
        words = command["name"].split()
        text = ferry.ok(*words, "--help").out
        assert text == ferry.ok("help", *words).out
        assert text.startswith(f"Usage: ferry {command['name']}")
        assert "Examples:" in text and "Exit codes:" in text
        assert command["examples"], command["name"]
        for option in command["options"]:
            assert f"--{option['name']}" in text and option["doc"]


def test_examples_name_only_what_exists(commands):
    """Each example's command and options are in the table."""
    table = {c["name"]: {o["name"] for o in c["options"]} for c in commands}
    for command in commands:
        for example in command["examples"]:
            for part in example["line"].split("|"):
                words = part.split()
                if "ferry" not in words:
                    continue
                words = words[words.index("ferry") + 1:]
                name = next(n for n in (" ".join(words[:2]), words[0]) if n in table)
                for word in words:
                    if word.startswith("--"):
                        option = word[2:].split("=")[0].rstrip(")")
                        assert option in table[name], (example["line"], word)


def test_groups_list_their_commands(ferry):
    for group in ("device", "rollback"):
        assert ferry(group).code == 2
        assert ferry(group).out == ferry.ok(group, "--help").out == ferry.ok("help", group).out
    assert "device boot" in ferry("device").out


def test_help_and_version_are_exit_0(ferry, commands):
    text = ferry.ok("--help").out
    assert text == ferry.ok("help").out == ferry.ok("-h").out
    for command in commands:
        assert command["name"] in text
    assert ferry.ok("--version").out.startswith("ferry ")
    assert ferry.ok("status", "--version").out == ferry.ok("--version").out
    assert ferry().code == 2


@pytest.mark.parametrize("words, complaint", [
    (["staus"], "did you mean 'status'"),
    (["devcie", "boot"], "did you mean 'device'"),
    (["device", "bot"], "did you mean 'device boot'"),
    (["help", "rollback", "froce"], "did you mean 'rollback force'"),
    (["frobnicate"], "there is no command 'frobnicate'"),
    (["update", "a", "b", "--gentel"], "did you mean --gentle"),
    (["update", "a", "b", "--sha256"], "--sha256 needs a value"),
    (["update", "a", "b", "--boot=yes"], "--boot takes no value"),
    (["update", "a", "b", "--c"], "could be one of several"),
    (["update", "a", "b", "-x"], "unknown option -x"),
    (["status"], "its argument is missing: ferry status DEVICE"),
    (["update", "a"], "an argument is missing"),
    (["status", "a", "b"], "too many arguments: 'b'"),
    (["status", "a", "--rollback=perhaps"], "--rollback takes off or on, not 'perhaps'"),
    (["status", "a", "--secure-version=-1"], "--secure-version takes a number"),
    (["status", "a", "--chip=esp33"], "no chip 'esp33'"),
])
def test_wrong_usage_is_exit_2_in_words_and_json(ferry, words, complaint):
    text = ferry(*words)
    assert text.code == 2 and complaint in text.err and not text.out, text
    assert "Try 'ferry " in text.err
    # In front: an option that lacks its value would take --json for it.
    at = 2 if words[0] in ("device", "devcie", "help") else 1
    result = ferry(*words[:at], "--json", *words[at:])
    assert result.code == 2 and result.json["ok"] is False and result.json["code"] == "usage"
    assert complaint in result.json["error"]


def test_failure_with_json_is_one_object_with_the_pinned_keys(ferry, tmp_path):
    result = ferry.refused("status", tmp_path / "none", "--json")
    assert list(result.json)[:5] == ["ok", "error", "code", "value", "limit"]
    assert result.err == f"ferry: {result.json['error']}\n"


def test_what_follows_two_dashes_is_no_option(ferry):
    assert "cannot open --json" in ferry.refused("status", "--", "--json").err


@pytest.mark.parametrize("words", [["--help"], ["help", "update"], ["help", "--json"]])
def test_stdout_that_cannot_be_written_is_a_failure(ferry, words):
    with open("/dev/full", "w") as full:
        done = subprocess.run([ferry.path, *words], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and b"stdout" in done.stderr


def test_no_colours_where_nobody_sees_them(device):
    assert "\033" not in device.ferry.ok("status", device.path).out


@pytest.mark.parametrize("env, coloured", [({}, True), ({"NO_COLOR": "1"}, False),
                                           ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)])
def test_colours_on_a_terminal(device, tmp_path, env, coloured):
    log = tmp_path / "typescript"
    subprocess.run(["script", "-qec", f"'{device.ferry.path}' status '{device.path}'", log],
                   check=True, capture_output=True, timeout=60,
                   env={"TERM": "xterm", "PATH": "/usr/bin:/bin", **env})
    assert ("\033[" in log.read_bytes().decode()) is coloured


def test_man_page_is_clean(ferry, tmp_path, commands):
    page = tmp_path / "ferry.1"
    page.write_text(ferry.ok("help", "--format=man").out)
    for command in commands:
        assert f".SS ferry {command['name']}" in page.read_text()
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True)
    assert lint.returncode == 0, lint.stdout


def test_completion_knows_commands_and_options(ferry, tmp_path):
    script = tmp_path / "ferry.bash"
    script.write_text(ferry.ok("help", "--format=bash").out)

    def complete(*words):
        line = " ".join(f"'{w}'" for w in words)
        done = subprocess.run(
            ["bash", "-c", f"source {script}; compopt() {{ :; }}; COMP_WORDS=({line}); "
             f"COMP_CWORD={len(words) - 1}; _ferry; printf '%s\\n' \"${{COMPREPLY[@]}}\""],
            capture_output=True, text=True, check=True)
        assert not done.stderr
        return done.stdout.split()

    assert "status" in complete("ferry", "") and "device" in complete("ferry", "")
    assert complete("ferry", "stat") == ["status"]
    assert complete("ferry", "device", "b") == ["boot"]
    assert complete("ferry", "update", "dev", "--sh") == ["--sha256="]
    assert complete("ferry", "device", "boot", "--ho") == ["--hold="]


def test_json_form_of_help_is_the_table(ferry):
    table = json.loads(ferry.ok("help", "--format=json").out)
    assert {"version", "commands"} <= set(table)
    names = [c["name"] for c in table["commands"]]
    assert len(names) == len(set(names))
    one = ferry.ok("help", "device", "boot", "--json").json["commands"]
    assert [c["name"] for c in one] == ["device boot"]
