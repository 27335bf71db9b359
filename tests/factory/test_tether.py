"""Children end with their parent, by the kernel's promise or, where there is none, by watching."""

import os
import subprocess
import sys

import pytest

from factory import processes
from tests.services import wait_until

pytestmark = pytest.mark.integration

PARENT = """
import subprocess, sys, time
sys.path.insert(0, {root!r})
from factory import processes
{how}
print(child.pid, flush=True)
time.sleep(60)
"""
BY_KERNEL = "child = processes.start(['sleep', '60'])"
BY_WATCHING = """
import os
code = "import sys; from pathlib import Path; sys.path.insert(0, {root!r}); from factory.tether import watch;"
code += "sys.exit(watch(int(sys.argv[1]), sys.argv[2:]))"
child = subprocess.Popen(
    [sys.executable, '-c', code, str(os.getpid()), 'sleep', '60'], start_new_session=True
)
"""
ROOT = str(processes.TETHER.parent.parent)


def group_lives(leader):
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("how", [BY_KERNEL, BY_WATCHING.format(root=ROOT)], ids=["kernel", "watching"])
def test_a_child_ends_with_a_parent_that_was_killed(how):
    code = PARENT.format(root=ROOT, how=how)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert group_lives(child)

        parent.kill()

    wait_until(lambda: not group_lives(child), what="the child's end", seconds=5)


def test_a_child_whose_parent_is_gone_already_does_not_start(tmp_path):
    ended = subprocess.run(
        [sys.executable, str(processes.TETHER), "1", "touch", str(tmp_path / "made")], check=False
    )

    assert ended.returncode == 1
    assert not (tmp_path / "made").exists()
