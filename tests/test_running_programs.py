"""Real programs run on loopback, and whatever happens to the kernel, neither they nor their folders outlive it."""

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jupyter_client.manager import start_new_kernel

from helpers import programs, running
from helpers.display.error import CourseError
from helpers.running import wait_until

pytestmark = [
    pytest.mark.needs("openssl", "node", "curl"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the tests find processes in /proc"),
]

NODE_SERVER = b"""
const fs = require("fs");
const options = {key: fs.readFileSync("server.pem"), cert: fs.readFileSync("server.pem")};
require("https").createServer(options, (request, response) => response.end("Hello from Node\\n"))
  .listen(process.argv[2], "127.0.0.1", () => console.log("listening"));
"""
# It starts a child as usual, one that has a session of its own (as a daemon has), and one that won't end when asked to.
NODE_FAMILY = b"""
const { spawn } = require("child_process");
const deaf = "process.on('SIGTERM', () => {}); console.log('deaf'); setInterval(() => {}, 1000)";
const family = [
  spawn("sleep", ["600"]),
  spawn("sleep", ["600"], {detached: true}),
  spawn(process.execPath, ["-e", deaf], {detached: true}),
];
family[2].stdout.on("data", () => console.log("family " + family.map((child) => child.pid).join(" ")));
setInterval(() => {}, 1000);
"""


@pytest.fixture(scope="module")
def pem(root):
    credential = root.issue_server("localhost", "127.0.0.1")
    key = credential.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + credential.certificate.public_bytes(Encoding.PEM)


@pytest.fixture(scope="module")
def root_pem(root):
    return root.certificate.public_bytes(Encoding.PEM)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Where the private folders are made. After each test no folder, process or file descriptor is left."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = children_of(os.getpid()), open_files()
    yield folder
    assert list(folder.iterdir()) == []
    assert (children_of(os.getpid()), open_files()) == before


def s_server(*options, **more):
    command = ("s_server", "-accept", "127.0.0.1:{port}", "-cert", "server.pem", *options)
    return programs.run("openssl", *command, ready="ACCEPT", **more)


def field_of(process, number):
    """A field of /proc/PID/stat after the name, which stands in parentheses: 0 is the state, 1 the parent."""
    return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[number]


def lives(process):
    try:
        return field_of(process, 0) not in "ZX"  # a zombie has ended, and waits until its parent notices
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(parent):
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if field_of(folder.name, 1) == str(parent):
                found.add(int(folder.name))
    return found


def open_files():
    """The files and pipes that this process holds open. (Jupyter's client keeps sockets for its next use.)"""
    held = []
    for descriptor in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            held.append(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115
    return sorted(name for name in held if name.startswith(("/", "pipe:")))


def hello(port, root_pem):
    """What a server answers to Python."""
    context = ssl.create_default_context(cadata=root_pem.decode())
    handler = urllib.request.HTTPSHandler(context=context)
    with urllib.request.build_opener(handler).open(f"https://localhost:{port}/", timeout=5) as answer:
        return answer.read().decode()


# Servers and clients


def test_a_real_openssl_server_is_met_by_real_clients(pem, root_pem):
    with s_server("-www", files={"server.pem": pem}) as server:
        assert "Ciphers supported in s_server" in hello(server.port, root_pem)
        address = f"localhost:{server.port}"
        trusting = {"root.pem": root_pem}

        client = ("openssl", "s_client", "-connect", address, "-verify_return_error")
        met = programs.run_to_end(*client, "-CAfile", "root.pem", files=trusting)
        assert (met.status, "Verify return code: 0 (ok)" in met.output) == (0, True)
        refused = programs.run_to_end(*client)
        assert refused.status != 0
        assert "unable to get local issuer certificate" in refused.errors

        met = programs.run_to_end("curl", "-sS", "--cacert", "root.pem", f"https://{address}/", files=trusting)
        assert (met.status, met.errors) == (0, "")
        assert "Ciphers supported in s_server" in met.output
        refused = programs.run_to_end("curl", "-sS", f"https://{address}/")
        assert refused.status == 60
        assert refused.output == ""
        assert "curl: (60) SSL certificate problem" in refused.errors


def test_a_real_node_server_is_met_by_python(pem, root_pem):
    files = {"server.js": NODE_SERVER, "server.pem": pem}
    with programs.run("node", "server.js", "{port}", files=files, ready="listening") as server:
        assert hello(server.port, root_pem) == "Hello from Node\n"
        assert server.log == "listening\n"


def test_a_server_that_counts_its_connections_has_counted_none_when_it_is_ready(pem, root_pem):
    with s_server("-www", "-naccept", "1", files={"server.pem": pem}) as server:
        assert server.status is None
        assert hello(server.port, root_pem)
        assert wait_until(lambda: server.status is not None, 5)  # it ends by itself, and the kernel learns how
        assert server.status == 0
        assert "1 server accepts that finished" in server.log
    assert "1 server accepts that finished" in server.log


def test_a_server_reads_no_end_of_its_input(pem, root_pem):
    # Without -www, s_server ends the connection when its own input ends.
    with s_server(files={"server.pem": pem}) as server:
        context = ssl.create_default_context(cadata=root_pem.decode())
        for words in (b"one\n", b"two\n"):
            plain = socket.create_connection(("127.0.0.1", server.port), 5)
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(words)
                assert wait_until(lambda words=words: words.decode() in server.log, 5)


def test_the_log_can_be_read_when_the_server_is_gone():
    script = "console.log('listening'); setTimeout(() => console.log('and later'), 300); setInterval(() => {}, 1000)"
    with programs.run("node", "-e", script, ready="listening") as server:
        assert server.log == "listening\n"
        time.sleep(0.6)
    assert server.log == "listening\nand later\n"


def test_two_servers_run_at_once(pem, root_pem):
    with s_server("-www", files={"server.pem": pem}) as one, s_server("-www", files={"server.pem": pem}) as other:
        assert one.port != other.port
        assert one.folder != other.folder
        assert hello(one.port, root_pem)
        assert hello(other.port, root_pem)


def test_a_client_reads_its_input_to_the_end():
    empty = programs.run_to_end("openssl", "dgst", "-sha256", "-r")
    assert empty.output.split()[0] == hashlib.sha256(b"").hexdigest()
    large = bytes(range(256)) * 4096
    result = programs.run_to_end("openssl", "dgst", "-sha256", "-r", input=large)
    assert result.output.split()[0] == hashlib.sha256(large).hexdigest()


def test_the_result_of_a_client_is_its_status_and_its_two_texts(pem, root_pem):
    files = {"root.pem": root_pem, "server.pem": pem}
    good = programs.run_to_end("openssl", "verify", "-CAfile", "root.pem", "server.pem", files=files)
    assert good == programs.Result(0, "server.pem: OK\n", "")
    bad = programs.run_to_end("openssl", "verify", "server.pem", files={"server.pem": pem})
    assert bad.status == 2
    assert bad.output == ""
    assert "error 20 at 0 depth lookup: unable to get local issuer certificate" in bad.errors


# The private folder and the environment


def test_the_folder_and_the_files_in_it_are_private(pem):
    with s_server("-www", files={"server.pem": pem, "bytes": bytes(range(256))}) as server:
        assert (server.folder / "server.pem").read_bytes() == pem
        assert (server.folder / "bytes").read_bytes() == bytes(range(256))
        assert Path(f"/proc/{server.pid}/cwd").resolve() == server.folder.resolve()
        for path in (server.folder.parent, *server.folder.parent.rglob("*")):
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
    assert not server.folder.parent.exists()


def test_what_a_program_makes_is_private_and_goes_with_it(place):
    script = b"require('fs').mkdirSync('deep/er', {recursive: true}); require('fs').writeFileSync('deep/er/made', '');"
    script += b"console.log(require('fs').statSync('deep/er/made').mode & 0o777)"
    assert programs.run_to_end("node", "make.js", files={"make.js": script}).output == f"{0o600}\n"
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name", ["../server.pem", "keys/server.pem", "/server.pem"])
def test_a_file_stays_in_the_folder(name, place):
    with pytest.raises(ValueError, match="plain names, without folders"):
        programs.run_to_end("openssl", "version", files={name: b""})


def test_the_learners_settings_reach_no_program(monkeypatch):
    for name in ("SSLKEYLOGFILE", "OPENSSL_CONF", "NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "/nonexistent")
    script = b"console.log(JSON.stringify([process.cwd(), process.env]))"
    folder, environment = json.loads(programs.run_to_end("node", "a.js", files={"a.js": script}).output)
    assert environment["PATH"] == os.environ["PATH"]
    assert {environment[name] for name in ("HOME", "TMPDIR", "USERPROFILE")} == {folder}
    assert set(environment) <= {*running._KEPT, *running._HOMES}


def test_a_script_among_the_files_can_be_run_by_this_user_alone():
    script = b"#!/bin/sh\necho it runs; stat -c %a script text || stat -f %Lp script text\n"
    run = "console.log(require('child_process').execFileSync('./script').toString())"
    result = programs.run_to_end("node", "-e", run, files={"script": script, "text": b" #!/bin/sh"})
    assert result.output.split("\n")[:3] == ["it runs", "700", "600"]


def test_a_program_gets_what_it_is_given_besides():
    script = b"console.log(process.env.GREETING, process.env.HOME === process.cwd(), process.argv[2] === process.cwd())"
    files = {"a.js": script}
    result = programs.run_to_end("node", "a.js", "{folder}", files=files, environment={"GREETING": "hello"})
    assert result.output == "hello true true\n"
    assert programs.run_to_end("node", "a.js", "a/{folder}", files=files).output == "undefined true false\n"


def test_files_that_are_wanted_are_kept_as_the_program_left_them(place):
    script = (
        "require('fs').appendFileSync('given', ' and more'); require('fs').writeFileSync('new', Buffer.from([0, 255]))"
    )
    wanted = ("given", "new", "missing")
    result = programs.run_to_end("node", "-e", script, files={"given": b"given", "other": b""}, keep=wanted)
    assert result.files == {"given": b"given and more", "new": b"\0\xff"}
    assert list(place.iterdir()) == []


# What goes wrong is a sentence


@pytest.mark.parametrize(
    ("platform", "way"),
    [
        ("linux", "On Debian or Ubuntu: sudo apt install openssl"),
        ("darwin", "On macOS: brew install openssl@3"),
        ("win32", "On Windows: winget install ShiningLight.OpenSSL.Light"),
    ],
)
def test_a_missing_program_comes_with_the_way_to_get_it(platform, way, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "_MORE_PLACES", ())
    monkeypatch.setattr(programs, "sys", SimpleNamespace(platform=platform))
    sentence = re.escape(f"This needs openssl, which is not on this machine. {way}") + "$"
    with pytest.raises(CourseError, match=sentence):
        programs.run_to_end("openssl", "version")
    with pytest.raises(CourseError, match=sentence), programs.run("openssl", "s_server", ready="ACCEPT"):
        pass


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            "#!/bin/sh\necho v16.20.2",
            "This needs node 18 or newer, and the one on this machine says it is “v16.20.2”. nodejs.org has newer ones.",
        ),
        (
            "#!/bin/sh\nprintf 'I am\\na radio'",
            "This needs node 18 or newer, and the one on this machine says it is “I am\\na radio”. nodejs.org has newer ones.",
        ),
        ("", "node could not be started: Exec format error."),
    ],
)
def test_an_old_or_broken_node_is_refused(script, sentence, tmp_path, monkeypatch):
    (tmp_path / "node").write_text(script)
    (tmp_path / "node").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CourseError, match=re.escape(sentence) + "$"):
        programs.run_to_end("node", "--version")


def test_a_supervisor_that_cannot_start_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_SUPERVISOR", tmp_path / "missing.py")
    with pytest.raises(CourseError, match=r"^openssl could not be started: the supervisor did not work\.$"):
        programs.run_to_end("openssl", "version", files={"large": bytes(1_000_000)})


def test_node_18_is_new_enough(tmp_path, monkeypatch):
    (tmp_path / "node").write_text("#!/bin/sh\necho v18.0.0")
    (tmp_path / "node").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert programs.run_to_end("node", "anything").output == "v18.0.0\n"


def test_a_server_that_dies_at_once_is_quoted():
    with pytest.raises(CourseError) as caught, programs.run("openssl", "s_server", "-sorry", ready="ACCEPT"):
        pass
    assert str(caught.value) == (
        "openssl ended before it was ready (exit status 1). Its last words:\n"
        "    s_server: Unknown option: -sorry\n"
        "    s_server: Use -help for summary."
    )


def test_the_words_of_a_server_name_no_place_and_forge_no_line(tmp_path):
    script = b"process.stderr.write('a\\x1b[31m\\u202eb\\n'); throw new Error('at 127.0.0.1:4711 (pid 12)')"
    server = programs.run("node", "broken.js", files={"broken.js": script}, ready="listening")
    with pytest.raises(CourseError) as caught, server:
        pass
    lines = str(caught.value).split("\n    ")
    assert lines[0] == "node ended before it was ready (exit status 1). Its last words:"
    assert lines[1] == "a\\x1b[31m\\u202eb"
    assert lines[2] == "broken.js:1"
    assert "Error: at 127.0.0.1:PORT (pid PID)" in lines
    assert str(tmp_path) not in str(caught.value)


def test_a_server_that_is_never_ready_is_ended():
    begin = time.monotonic()
    server = programs.run("node", "-e", "setInterval(() => {}, 1000)", ready="listening", timeout=0.5)
    with pytest.raises(CourseError) as caught, server:
        pass
    assert str(caught.value) == "node did not write “listening” within 0.5 seconds. It wrote nothing."
    assert time.monotonic() - begin < 5


def test_a_client_that_takes_too_long_is_ended():
    script = "console.log('so far'); setInterval(() => {}, 1000)"
    with pytest.raises(CourseError) as caught:
        programs.run_to_end("node", "-e", script, timeout=0.5)
    assert str(caught.value) == "node had not ended after 0.5 seconds. Its last words:\n    so far"


@pytest.mark.parametrize("name", ["openssl", pytest.param("node", marks=pytest.mark.long)])
def test_a_port_that_is_taken_is_followed_by_another(name, pem, root_pem, monkeypatch):
    files = {"server.js": NODE_SERVER, "server.pem": pem}
    server = {
        "openssl": lambda: s_server("-www", files=files),
        "node": lambda: programs.run("node", "server.js", "{port}", files=files, ready="listening"),
    }[name]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = [port, port, programs._free_port()]
        monkeypatch.setattr(programs, "_free_port", lambda: ports.pop(0))
        with server() as found:
            assert ports == []
            assert found.port != port
            assert hello(found.port, root_pem)
        monkeypatch.setattr(programs, "_free_port", lambda: port)
        with pytest.raises(CourseError, match=f"^{name} tried 5 ports, and each was already in use"), server():
            pass


# The end


def test_what_a_program_started_ends_with_it(place):
    with programs.run("node", "family.js", files={"family.js": NODE_FAMILY}, ready="family ") as server:
        family = [server.pid, *map(int, re.search("family (.*)", server.log)[1].split())]
        assert len(family) == 4
        assert all(map(lives, family))
        begin = time.monotonic()
    assert time.monotonic() - begin < 1
    assert not any(map(lives, family))


def test_what_a_program_leaves_running_when_it_ends_by_itself_is_ended_at_once():
    script = """
const child = require("child_process").spawn("sleep", ["600"]);
console.log("child " + child.pid + " listening");
process.on("SIGUSR2", () => process.exit(3));
"""
    with programs.run("node", "-e", script, ready="listening") as server:
        child = int(server.log.split()[1])
        assert lives(child)
        os.kill(server.pid, signal.SIGUSR2)
        assert wait_until(lambda: server.status == 3, 5)
        assert wait_until(lambda: not lives(child), 1)


def test_a_program_is_asked_to_end_before_it_is_killed(tmp_path):
    script = """
process.on("SIGTERM", () => { require("fs").writeFileSync(process.argv[1], "Goodbye"); process.exit(); });
console.log("listening");
setInterval(() => {}, 1000);
"""
    with programs.run("node", "-e", script, str(tmp_path / "last"), ready="listening"):
        pass
    assert (tmp_path / "last").read_text() == "Goodbye"


def test_a_program_that_will_not_end_is_killed():
    script = "process.on('SIGTERM', () => {}); console.log('listening'); setInterval(() => {}, 1000)"
    with programs.run("node", "-e", script, ready="listening") as server:
        begin = time.monotonic()
    assert time.monotonic() - begin < 1
    assert not lives(server.pid)


def test_a_supervisor_that_is_asked_to_end_ends_its_program_first(pem, place):
    with s_server("-www", files={"server.pem": pem}) as server:
        os.kill(int(field_of(server.pid, 1)), signal.SIGTERM)
        assert wait_until(lambda: not lives(server.pid) and not list(place.iterdir()), 1)


@pytest.mark.parametrize("request_so_far", [b"", b'{"private": "/nonexist'])
def test_a_supervisor_whose_kernel_ends_before_it_asks_for_anything_ends_as_well(request_so_far):
    supervisor = [sys.executable, "-I", "-S", str(running._SUPERVISOR)]
    done = subprocess.run(supervisor, input=request_so_far, capture_output=True, timeout=10)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("error", "happen"),
    [(KeyboardInterrupt, lambda: signal.raise_signal(signal.SIGINT)), (ZeroDivisionError, lambda: 1 / 0)],
)
def test_an_error_in_the_block_ends_the_program(error, happen, pem):
    with pytest.raises(error), s_server("-www", files={"server.pem": pem}) as server:
        happen()
    assert not lives(server.pid)
    assert not server.folder.exists()


def test_starts_and_stops_leave_nothing_behind(pem, place, request):
    ended, before = [], open_files()
    for _ in range(200 if request.config.getoption("--long") else 10):
        with s_server("-www", files={"server.pem": pem}) as server:
            ended += [server.pid, int(field_of(server.pid, 1))]
        assert list(place.iterdir()) == []
        assert open_files() == before
    assert not any(map(lives, ended))


# The kernel is interrupted or killed. It is a process of its own here, which does what the test tells it, line by line.

COURSE = f"import sys; sys.path.insert(0, {str(Path(programs.__file__).parents[1])!r}); from helpers import programs"
KERNEL = f"""{COURSE}
import json, subprocess, tempfile
tempfile.gettempdir()  # the first time, Python tries whether it can write there: that file is not ours
line = "\\n"
while line:
    try:
        line = sys.stdin.readline()
        exec(line)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""
START = f"""block = programs.run("node", "a.js", files={{"a.js": {NODE_FAMILY!r}}}, ready="family ")"""
ENTER = "server = block.__enter__(); print(json.dumps([server.pid, str(server.folder.parent), server.log]), flush=True)"


class Kernel:
    """A process in a group of its own, as Jupyter starts its kernels."""

    def __init__(self, place):
        command, environment = [sys.executable, "-c", KERNEL], {**os.environ, "TMPDIR": str(place)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        self.process = subprocess.Popen(command, **pipes, env=environment, start_new_session=True)

    def tell(self, line):
        self.process.stdin.write(line + "\n")

    def hear(self):
        return self.process.stdout.readline().rstrip("\n")

    def start(self):
        """Start a program. Gives all processes of the run (program, supervisor, three children), and the folder."""
        self.tell(f"{START}; {ENTER}")
        program, folder, log = json.loads(self.hear())
        everything = [program, int(field_of(program, 1)), *map(int, re.search("family (.*)", log)[1].split())]
        assert len(everything) == 5
        assert all(map(lives, everything))
        assert list(Path(folder).parent.iterdir()) == [Path(folder)]
        return everything, Path(folder)


@pytest.fixture
def kernel(place):
    kernel = Kernel(place)
    with kernel.process:
        yield kernel
        kernel.process.kill()
    assert wait_until(lambda: list(place.iterdir()) == [], 2)


def gone_within_a_second(processes, folder):
    return wait_until(lambda: not any(map(lives, processes)) and not folder.exists(), 1)


@pytest.mark.parametrize("kill", [os.kill, os.killpg])
def test_a_killed_kernel_leaves_nothing(kill, kernel):
    everything, folder = kernel.start()
    kill(kernel.process.pid, signal.SIGKILL)
    assert gone_within_a_second(everything, folder)


def test_a_kernel_that_ends_in_the_middle_of_the_block_leaves_nothing(kernel):
    everything, folder = kernel.start()
    kernel.process.stdin.close()
    kernel.process.wait()
    assert gone_within_a_second(everything, folder)


def test_another_child_of_a_killed_kernel_does_not_keep_the_program_alive(kernel):
    everything, folder = kernel.start()
    kernel.tell("print(subprocess.Popen(['sleep', '60'], close_fds=False, stdout=subprocess.DEVNULL).pid, flush=True)")
    other = int(kernel.hear())
    kernel.process.kill()
    assert gone_within_a_second(everything, folder)
    assert lives(other)
    os.kill(other, signal.SIGKILL)


@pytest.mark.parametrize(
    "milliseconds", [0, 25, 100, pytest.param(10, marks=pytest.mark.long), pytest.param(50, marks=pytest.mark.long)]
)
def test_a_kernel_killed_while_a_program_starts_leaves_nothing(milliseconds, kernel, place):
    kernel.tell(f"{START}; print('now', flush=True); {ENTER}")
    assert kernel.hear() == "now"
    time.sleep(milliseconds / 1000)
    kernel.process.kill()
    time.sleep(0.2)  # a supervisor that was just born may still make its folder
    assert wait_until(lambda: not list(place.iterdir()) and not programs_in(place), 1)


def programs_in(place):
    """The processes that work below a folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if os.readlink(folder).startswith(str(place)):  # noqa: PTH115
                found.append(folder.parent.name)
    return found


def test_an_interrupt_of_the_kernel_reaches_neither_the_program_nor_its_supervisor(kernel):
    everything, folder = kernel.start()
    for word in ("one", "two", "three"):
        os.killpg(kernel.process.pid, signal.SIGINT)
        assert kernel.hear() == "interrupted"
        kernel.tell(f"print({word!r}, flush=True)")
        assert kernel.hear() == word
    assert all(map(lives, everything))
    assert folder.is_dir()


# The error is kept, as Jupyter keeps the last one. So nothing is closed just because nobody refers to it any more.
INTERRUPTED = f"""{COURSE}
import os, random, signal, time
from pathlib import Path
from helpers.running import wait_until
signal.signal(signal.SIGALRM, signal.default_int_handler)
seeded, place, kept = random.Random(1), Path(sys.argv[1]), []
def child_lives():
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z" and parent == str(os.getpid()):
            return True
for _ in range(int(sys.argv[2])):
    try:
        signal.setitimer(signal.ITIMER_REAL, seeded.uniform(0.001, 0.15))
        with programs.run("node", "-e", "console.log('up'); setInterval(() => {{}}, 1000)", ready="up"):
            time.sleep(1)
    except KeyboardInterrupt as error:
        kept.append(error)
    assert wait_until(lambda: not child_lives() and not list(place.iterdir()), 2), "something is left"
print(len(kept))
"""


def test_an_interrupt_at_any_moment_ends_everything(place, request):
    times = 200 if request.config.getoption("--long") else 8
    command = [sys.executable, "-c", INTERRUPTED, str(place), str(times)]
    environment = {**os.environ, "TMPDIR": str(place)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert (done.stdout, done.returncode) == (f"{times}\n", 0), done.stderr


def test_a_real_jupyter_kernel_is_interrupted_and_then_killed(pem, root_pem, place):
    command = '"openssl", "s_server", "-accept", "127.0.0.1:{port}", "-cert", "server.pem", "-www"'
    start = f"""{COURSE}
import json, time
block = programs.run({command}, files={{"server.pem": {pem!r}}}, ready="ACCEPT")
server = block.__enter__()
print(json.dumps([server.pid, server.port, str(server.folder.parent)]))
"""
    manager, client = start_new_kernel(env={**os.environ, "TMPDIR": str(place)})
    try:
        outputs = []
        client.execute_interactive(start, timeout=30, output_hook=outputs.append)
        (text,) = (output["content"]["text"] for output in outputs if output["msg_type"] == "stream")
        program, port, folder = json.loads(text)
        everything = [program, int(field_of(program, 1))]
        assert all(map(lives, everything))

        client.execute("time.sleep(60)")
        time.sleep(0.2)
        manager.interrupt_kernel()
        assert client.get_shell_msg(timeout=10)["content"]["ename"] == "KeyboardInterrupt"
        assert "Ciphers supported in s_server" in hello(port, root_pem)

        manager.shutdown_kernel(now=True)
        assert gone_within_a_second(everything, Path(folder))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
